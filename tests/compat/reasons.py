# SPDX-License-Identifier: Apache-2.0
"""Why a name of the family is not here, or otherwise: what PYTHON.md's table says."""

# Name, or name and member: ours, reason.
OTHERWISE = {
    ("Node", "log_debug"): ("log_debug(msg)", "`message=` is taken, too"),
    ("Node", "log_error"): ("log_error(msg)", "`message=` is taken, too"),
    ("Node", "log_info"): ("log_info(msg)", "`message=` is taken, too"),
    ("Node", "log_warning"): ("log_warning(msg)", "`message=` is taken, too"),
    ("Scheduler", ""): ("Scheduler(*, …)", "`_inner` is the family's own"),
    ("Scheduler", "remove_node"): ("remove_node(name)", "it works while they run"),
    ("Scheduler", "tick_for"): (
        "tick_for(seconds, node_names)", "`duration=` is taken, too; all nodes tick"),
    ("Tensor", "from_descriptor"): ("from_descriptor(pool_id, descriptor)", "by place"),
    ("Tensor", "reshape"): ("reshape(*shape)", "by place, as there"),
    ("Tensor", "view"): ("view(*shape)", "by place"),
    ("drivers", ""): ("`[[node]]` of `horus.toml`",
                      "devices are parameters of the nodes that drive them; `man horus.toml`"),
    ("msggen", ""): ("`horus.message`", "a class becomes a message type, without generated code"),
}
NOT_YET = {
    ("Params", ""): "live parameters are to come as one piece with `horusctl param`",
    ("Scheduler", "add_replay"): "replay is to come",
    ("Scheduler", "replay_from"): "replay is to come",
    ("Scheduler", "set_replay_override"): "replay is to come",
    ("Scheduler", "set_replay_speed"): "replay is to come",
    ("Scheduler", "start_at_tick"): "replay is to come",
    ("Scheduler", "stop_at_tick"): "replay is to come",
    ("Transform", ""): "transforms are to come as one piece with their topics",
    ("TransformFrame", ""): "transforms are to come as one piece with their topics",
    ("TransformFrameConfig", ""): "transforms are to come as one piece with their topics",
}

# Expressions that give the same here and there, as far as ALIKE goes; the others say why not.
ALIKE = [
    "horus.us", "horus.ms", "horus.Miss.SAFE_MODE == 'safe_mode'",
    "horus.CmdVel(1.5, 0.5).linear", "horus.CmdVel(linear=1.5, angular=0.5).angular",
    "horus.CmdVel.zero().linear", "horus.Pose2D(3.0, 4.0, 0.0).distance_to(horus.Pose2D.origin())",
    "horus.Vector3(3.0, 4.0, 0.0).magnitude()",
    "horus.Vector3(1.0, 2.0, 3.0).dot(horus.Vector3(4.0, 5.0, 6.0))",
    "horus.Vector3(1.0, 0.0, 0.0).cross(horus.Vector3(0.0, 1.0, 0.0)).z",
    "horus.Point3(1.0, 2.0, 2.0).distance_to(horus.Point3.origin())",
    "horus.Quaternion.identity().w", "horus.Quaternion.from_euler(yaw=3.141592653589793).z",
    "horus.Twist.new_2d(linear_x=1.0, angular_z=0.5).angular_z",
    "horus.Pose3D.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.0)).y",
    "horus.MotorCommand.velocity(3, 2.5).target", "horus.MotorCommand.stop(3).motor_id",
    "horus.ServoCommand.with_speed(1, 0.5, 0.25).speed",
    "horus.ServoCommand.with_speed(servo_id=1, position=0.5, speed=0.25).servo_id",
    "horus.PidConfig.pi(1.0, 0.5).ki", "horus.PidConfig(kp=2.0).kd",
    "horus.DifferentialDriveCommand.stop().left_velocity",
    "horus.WrenchStamped.force_only(horus.Vector3(1.0, 2.0, 2.0)).force_magnitude()",
    "horus.WrenchStamped.torque_only(torque=horus.Vector3(1.0, 2.0, 2.0)).torque_magnitude()",
    "horus.HapticFeedback.force(horus.Vector3(1.0, 2.0, 3.0), 2.0).duration_seconds",
    "horus.BoundingBox2D.from_center(cx=2.0, cy=3.0, width=2.0, height=2.0).x",
    "horus.BoundingBox2D(0.0, 0.0, 2.0, 2.0).iou(horus.BoundingBox2D(0.0, 0.0, 2.0, 2.0))",
    "horus.Detection('cat', 0.75, 0.0, 0.0, 1.0, 1.0).is_confident(0.5)",
    "len(horus.DetectionList.from_list([horus.Detection('cat', 0.75, 0.0, 0.0, 1.0, 1.0)]))",
    "horus.PointXYZ(2.0, 3.0, 6.0).distance()", "horus.PointXYZRGB().rgb()[0]",
    "horus.COCOPose.NUM_KEYPOINTS", "horus.PathPlan().is_empty()",
    "horus.OccupancyGrid(4, 4).is_free(x=0, y=0)",
    "horus.JointState(names=['a'], positions=[1.5]).position('a')",
    "horus.JointState(names=['a'], positions=[1.5]).position('b')",
    "len(horus.JointState(names=['a', 'b'], positions=[1.0, 2.0]))",
    "horus.NavGoal(1.0, 1.0).is_reached(current=horus.Pose2D(1.0, 1.0, 0.0))",
    "horus.DiagnosticStatus.warn(3, 'hot').level", "horus.EmergencyStop.engage('fire').engaged",
    "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).distance_to_point(px=0.0, py=0.0, pz=2.0)",
    "horus.Image(2, 2, 'mono8').nbytes", "horus.Image(2, 3).channels",
    "horus.Tensor.zeros([2, 3]).numel", "horus.Tensor.zeros([2]).to_int32().dtype",
    "horus.Tensor.zeros([2, 2]).sum(dim=0).tolist()", "horus.Rate(50.0).period()",
    "horus.TensorPool().alloc([2, 2]).nbytes",
    "bool(horus.Image(2, 2).is_gpu)", "bool(horus.Tensor.zeros([2]).is_gpu)",
    "bool(horus.PointCloud(3).is_gpu)", "bool(horus.DepthImage(2, 2).is_gpu)",
    "type(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).angular_velocity_vec()).__name__",
    "after(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), lambda m: setattr(m, 'qx', 0.5), 'qx')",
    "after(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), lambda m: setattr(m, 'qw', 0.5), 'qw')",
    "bytes(horus.CompressedImage('jpeg', b'ab').data).hex()",
    "of(horus.perception.TrackedObject(7, horus.perception.BoundingBox2D(1.0, 2.0, 3.0, 4.0),"
    " 'cat', 0.5, class_id=3), 'track_id class_name confidence class_id age hits')",
    "horus.perception.TrackedObject(7, horus.perception.BoundingBox2D(1.0, 2.0, 3.0, 4.0), 'cat',"
    " 0.5).is_tentative()",
    "horus.perception.Detection.from_bytes(horus.perception.Detection('cat', 0.5, 1.0, 2.0, 3.0,"
    " 4.0).to_bytes()).class_name",
]
UNLIKE = {
    "type(horus.CompressedImage('jpeg', b'ab').data).__name__": "an array; `bytes(…)` runs on both",
    "type(horus.PointXYZ(1.0, 2.0, 3.0).to_numpy()[0]).__name__": "float32, as in a cloud",
    "type(horus.Tensor.zeros([2, 3]).shape).__name__": "a tuple, as NumPy's",
    "horus.Tensor.zeros([2]).sum().shape": "no dimension, as NumPy's; `.item()`",
    "horus.Image(2, 2).pixel(5, 5)": "an IndexError that is a ValueError, too",
    "horus.LaserScan().angle_at(900)": "an IndexError, where the family answers nonsense",
    "horus.OccupancyGrid(4, 4).set_occupancy(9, 9, 1)": "an IndexError, in place of False",
}
# Of the examples in helpers.py: why the value is another one.
UNLIKE_HELPERS = {
    "horus.CostMap(horus.OccupancyGrid(4, 4, 0.5)).cost_cell(0, 0)": "not there",
    "horus.OccupancyGrid(4, 4, 0.5).is_free_cell(1, 1)": "not there",
    "horus.OccupancyGrid(4, 4, 0.5).is_occupied_cell(1, 1)": "not there",
    "horus.Clock(clock_ns=200).elapsed_since(horus.Clock(clock_ns=500))":
        "negative where the clock was set back, in place of 0",
    "[horus.ContactInfo(state).is_in_contact() for state in range(6)]":
        "an impact is a contact",
    "after(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), lambda m:"
    " m.set_orientation_from_euler(0.1, 0.2, 0.3)).has_orientation()":
        "true once the orientation is set",
    "horus.MotorCommand(1).is_valid()": "a command without limits is a valid one",
    "after(horus.NavPath(), lambda m: [m.add_waypoint(horus.Waypoint(float(x), 0.0))"
    " for x in range(5)]).calculate_progress(horus.Pose2D(2.0, 0.0, 0.0))":
        "of the way's length, in place of the waypoints' number",
    "after(horus.NavPath(), lambda m: [m.add_waypoint(horus.Waypoint(float(x), 0.0))"
    " for x in range(5)]).calculate_progress(horus.Pose2D(4.0, 0.0, 0.0))":
        "1 at the end",
    "of(after(horus.NavPath(), lambda m: (m.add_waypoint(horus.Waypoint(0.0, 0.0)),"
    " m.add_waypoint(horus.Waypoint(3.0, 4.0)))), 'total_length duration_seconds')":
        "the way's length, in place of 0",
    "horus.TransformStamped.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.5, 9)).timestamp_ns == 9":
        "of the time of the pose",
    "horus.OccupancyGrid(4, 4, 0.5).grid_to_world(9, 9)": "an IndexError, in place of None",
    "horus.OccupancyGrid(4, 4, 0.5).set_occupancy(9, 9, 100)": "an IndexError, in place of False",
    "horus.PathPlan().waypoint(0)": "an IndexError, in place of None",
    "horus.TactileArray(2, 2).get_force(9, 9)": "an IndexError, in place of None",
    "horus.PidConfig().is_valid()": "gains without limits are valid ones",
    "horus.Pose3D(qw=5.0).is_valid()": "a rotation has length 1",
    "horus.Quaternion(0.0, 0.0, 0.0, 0.0).is_valid()": "a rotation has length 1",
    "horus.Quaternion(0.0, 0.0, 0.0, 2.0).is_valid()": "a rotation has length 1",
    "horus.ServoCommand(1, 0.5, 2.0).is_valid()": "a speed is a part of the greatest, 0 to 1",
    "horus.StereoInfo(horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0),"
    " horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0), 0.25)"
    ".disparity_from_depth(0.0)": "infinite at the camera; 0 is infinitely far",
}
