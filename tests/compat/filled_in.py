# SPDX-License-Identifier: Apache-2.0
"""What constructors fill in, and which helpers note when they were called, by example.

Otherwise as helpers.py, whose words they use.
"""

DEFAULTS = {
    "BatteryState": [
        "of(horus.BatteryState(), 'voltage percentage current temperature')"],
    "CameraInfo": [
        "of(horus.CameraInfo(640, 480, 500.0, 501.0, 320.0, 240.0), 'projection_matrix')",
        "of(horus.CameraInfo(), 'camera_matrix projection_matrix rectification_matrix')"],
    "CmdVel": [
        "of(horus.CmdVel(1.0, 2.0), 'linear angular timestamp_ns')"],
    "CostMap": [
        "bytes(horus.CostMap(horus.OccupancyGrid(2, 2, 0.5)).costs).hex()"],
    "DifferentialDriveCommand": [
        "of(horus.DifferentialDriveCommand(), 'max_acceleration enable')"],
    "EmergencyStop": [
        "of(horus.EmergencyStop(), 'engaged auto_reset')"],
    "Heartbeat": [
        "of(horus.Heartbeat(), 'alive sequence')"],
    "ImpedanceParameters": [
        "[float(x) for x in horus.ImpedanceParameters().stiffness]",
        "[float(x) for x in horus.ImpedanceParameters().damping]",
        "[float(x) for x in horus.ImpedanceParameters().inertia]",
        "[float(x) for x in horus.ImpedanceParameters().force_limits]",
        "horus.ImpedanceParameters().enabled"],
    "HapticFeedback": [
        "of(horus.HapticFeedback(), 'enabled vibration_intensity')"],
    "Imu": [
        "of(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), 'qx qy qz qw orientation_covariance')"],
    "JoystickInput": [
        "of(horus.JoystickInput(1, 2, 0.5, True), 'event_type element_name value pressed')"],
    "KeyboardInput": [
        "of(horus.KeyboardInput(), 'pressed modifier_flags')"],
    "LandmarkArray": [
        "of(horus.LandmarkArray(), 'num_landmarks dimension confidence')"],
    "MotorCommand": [
        "of(horus.MotorCommand(), 'mode max_velocity max_acceleration enable')"],
    "NavGoal": [
        "of(horus.NavGoal(), 'priority goal_id tolerance_position timeout_seconds')"],
    "NavSatFix": [
        "of(horus.NavSatFix(48.0, 11.0), 'status satellites_visible hdop')",
        "of(horus.NavSatFix(), 'status hdop')"],
    "OccupancyGrid": [
        "of(horus.OccupancyGrid(), 'width resolution')"],
    "PidConfig": [
        "of(horus.PidConfig(), 'kp ki kd integral_limit anti_windup')"],
    "PlaneDetection": [
        "of(horus.PlaneDetection(), 'confidence inlier_count')"],
    "Pose3D": [
        "of(horus.Pose3D(), 'x qw')"],
    "Quaternion": [
        "of(horus.Quaternion(), 'x y z w')"],
    "RangeSensor": [
        "of(horus.RangeSensor(), 'field_of_view min_range max_range')"],
    "SafetyStatus": [
        "of(horus.SafetyStatus(), 'enabled estop_engaged watchdog_ok limits_ok comms_ok mode"
        " fault_code')"],
    "ServoCommand": [
        "of(horus.ServoCommand(), 'speed enable')"],
    "TrackedObject": [
        "of(horus.TrackedObject(), 'hits age state confidence')",
        "horus.TrackedObject(1, 2.0, 3.0, 4.0, 5.0).predicted_bbox.as_tuple()"],
    "VelocityObstacle": [
        "of(horus.VelocityObstacle(), 'time_horizon radius')"],
    "timestamp_ns": [
        "sorted(name for name in 'Heartbeat EmergencyStop DiagnosticStatus DiagnosticReport"
        " SafetyStatus CameraInfo CompressedImage OccupancyGrid PlaneDetection ResourceUsage"
        " CmdVel Twist Imu Odometry MotorCommand BatteryState NavGoal'.split() if"
        " (getattr(horus, name)(*([1.0] * {'CmdVel': 2, 'Imu': 6}.get(name, 0))).timestamp_ns"
        " > 10**18))"],
    "timestamp_ms": [
        "[10**12 < m.timestamp_ms < 10**14 for m in (horus.JoystickInput(),"
        " horus.KeyboardInput())]"],
    "of now": [
        "[made.timestamp_ns > 10**18 for made in (horus.CmdVel.zero(), horus.Twist.stop(),"
        " horus.Twist.new_2d(1.0, 0.5), horus.DifferentialDriveCommand.stop(),"
        " horus.DifferentialDriveCommand.from_twist(1.0, 0.0, 0.4, 0.1))]",
        "[made.timestamp_ns > 10**18 for made in (horus.MotorCommand.velocity(1, 2.0),"
        " horus.MotorCommand.position(1, 2.0, 1.0), horus.MotorCommand.stop(1),"
        " horus.ServoCommand.from_degrees(1, 90.0), horus.ServoCommand.with_speed(1, 0.5, 0.25),"
        " horus.ServoCommand.disable(1))]",
        "[made.timestamp_ns > 10**18 for made in (horus.PidConfig.proportional(1.0),"
        " horus.PidConfig.pi(1.0, 0.5), horus.PidConfig.pd(1.0, 0.5),"
        " horus.ImpedanceParameters.stiff(), horus.ImpedanceParameters.compliant())]",
        "[made.timestamp_ns > 10**18 for made in (horus.Pose2D.origin(), horus.Pose3D.identity(),"
        " horus.TransformStamped.identity(),"
        " horus.TransformStamped.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.5)),"
        " horus.Waypoint(1.0, 2.0).with_stop().velocity)]",
        "[made.timestamp_ns > 10**18 for made in ("
        "horus.WrenchStamped.force_only(horus.Vector3(1.0)),"
        " horus.WrenchStamped.torque_only(horus.Vector3(1.0)),"
        " horus.ForceCommand.force_only(horus.Vector3(1.0)),"
        " horus.ForceCommand.surface_contact(5.0, horus.Vector3(0.0, 0.0, 1.0)))]",
        "[made.timestamp_ns > 10**18 for made in (horus.HapticFeedback.vibration(0.5, 100.0, 2.0),"
        " horus.HapticFeedback.pulse(0.5, 100.0, 2.0),"
        " horus.HapticFeedback.force(horus.Vector3(1.0), 2.0))]",
        "[made.timestamp_ns > 10**18 for made in (horus.NavSatFix.from_coordinates(48.0, 11.0,"
        " 0.0), horus.PathPlan.from_waypoints([(1.0, 2.0, 0.5)]))]",
        "[made.timestamp_ns > 10**18 for made in (horus.EmergencyStop.engage('fire'),"
        " horus.EmergencyStop.release(), horus.DiagnosticStatus.ok('fine'),"
        " horus.DiagnosticStatus.fatal(3, 'hot'))]",
        "[after(made, lambda m: (setattr(m, 'timestamp_ns', 5), m.enable())).timestamp_ns > 10**18"
        " for made in (horus.ImpedanceParameters(),)]",
        "after(horus.Odometry(), lambda m: m.update(horus.Pose2D(1.0, 2.0, 0.5),"
        " horus.Twist(0.5))).timestamp_ns > 10**18"],
    "not of now": [
        "[made.timestamp_ns for made in (horus.AudioFrame.mono(8000, [0.5]),"
        " horus.SegmentationMask.semantic(4, 3, 2), horus.LandmarkArray.coco_pose(),"
        " horus.Pose3D.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.5)),"
        " horus.NavGoal(1.0, 2.0).with_timeout(4.0), horus.PidConfig(1.0).with_limits(1.0, 2.0))]",
        "horus.Pose3D.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.5, 9)).timestamp_ns",
        "horus.TransformStamped.from_pose_2d(horus.Pose2D(1.0, 2.0, 0.5, 9)).timestamp_ns == 9"],
}
