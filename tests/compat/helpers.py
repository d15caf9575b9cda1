# SPDX-License-Identifier: Apache-2.0
"""Every helper of a message, by example: what it gives, to be held against the family's.

`of(message, "x y")` gives fields; `after(message, change, "x y")` gives them after a change.
"""

EXAMPLES = {
    "Accel.is_valid": ["horus.Accel(1.0).is_valid()", "horus.Accel(float('nan')).is_valid()",
                       "horus.Accel(angular_z=float('inf')).is_valid()"],
    "AudioFrame.mono": ["of(horus.AudioFrame.mono(8000, [0.5, -0.5]),"
                        " 'sample_rate channels num_samples samples')"],
    "AudioFrame.multi_channel": ["of(horus.AudioFrame.multi_channel(8000, 3, [0.5] * 6),"
                                 " 'sample_rate channels num_samples frame_count')"],
    "AudioFrame.stereo": ["of(horus.AudioFrame.stereo(8000, [0.5, -0.5] * 4),"
                          " 'sample_rate channels num_samples frame_count duration_ms')"],
    "BatteryState.is_critical": ["horus.BatteryState(12.0, 9.0).is_critical()",
                                 "horus.BatteryState(12.0, 11.0).is_critical()"],
    "BatteryState.is_low": ["horus.BatteryState(12.0, 19.0).is_low(20.0)",
                            "horus.BatteryState(12.0, 21.0).is_low(20.0)"],
    "BatteryState.time_remaining": ["horus.BatteryState(12.0, 50.0, 2.0).time_remaining()",
                                    "horus.BatteryState(12.0, 50.0, -2.0).time_remaining()"],
    "BoundingBox2D.as_tuple": ["horus.BoundingBox2D(1.0, 2.0, 3.0, 4.0).as_tuple()"],
    "BoundingBox2D.as_xyxy": ["horus.BoundingBox2D(1.0, 2.0, 3.0, 4.0).as_xyxy()"],
    "BoundingBox2D.from_center": ["of(horus.BoundingBox2D.from_center(2.0, 3.0, 2.0, 4.0),"
                                  " 'x y width height center_x center_y area')"],
    "BoundingBox2D.iou": ["horus.BoundingBox2D(0.0, 0.0, 2.0, 2.0).iou("
                          "horus.BoundingBox2D(1.0, 0.0, 2.0, 2.0))",
                          "horus.BoundingBox2D(0.0, 0.0, 1.0, 1.0).iou("
                          "horus.BoundingBox2D(5.0, 0.0, 1.0, 1.0))"],
    "BoundingBox3D.with_rotation": ["of(horus.BoundingBox3D.with_rotation(1.0, 2.0, 3.0, 4.0, 5.0,"
                                    " 6.0, 0.1, 0.2, 0.3), 'cx length roll pitch yaw volume')"],
    "CameraInfo.focal_lengths": ["horus.CameraInfo(640, 480, 500.0, 501.0, 320.0, 240.0)"
                                 ".focal_lengths()"],
    "CameraInfo.principal_point": ["horus.CameraInfo(640, 480, 500.0, 501.0, 320.0, 240.0)"
                                   ".principal_point()"],
    "CameraInfo.with_distortion_model": ["of(horus.CameraInfo(640, 480, 500.0, 501.0, 320.0, 240.0)"
                                         ".with_distortion_model('plumb_bob'), 'width height')",
                                         "of(horus.CameraInfo(640, 480, 500.0, 501.0, 320.0, 240.0)"
                                         ".with_distortion_model('plumb_bob'),"
                                         " 'camera_matrix projection_matrix')"],
    "Clock.elapsed_since": ["horus.Clock(clock_ns=500).elapsed_since(horus.Clock(clock_ns=200))",
                            "horus.Clock(clock_ns=200).elapsed_since(horus.Clock(clock_ns=500))"],
    "Clock.is_paused": ["horus.Clock().is_paused()", "horus.Clock(paused=True).is_paused()"],
    "Clock.replay_time": ["of(horus.Clock.replay_time(5, 2.0), 'clock_ns sim_speed source')"],
    "Clock.sim_time": ["of(horus.Clock.sim_time(5, 0.5), 'clock_ns sim_speed source paused')"],
    "Clock.wall_clock": ["of(horus.Clock.wall_clock(), 'sim_speed source paused')",
                         "horus.Clock.wall_clock().clock_ns > 10**18"],
    "CmdVel.zero": ["of(horus.CmdVel.zero(), 'linear angular')"],
    "CompressedImage.data_len": ["horus.CompressedImage('jpeg', b'12345').data_len()"],
    "ContactInfo.contact_duration_seconds": [
        "horus.ContactInfo(0).contact_duration_seconds()"],
    "ContactInfo.is_in_contact": [
        "[horus.ContactInfo(state).is_in_contact() for state in range(6)]"],
    "CostMap.compute_costs": [
        "after(horus.CostMap(after(horus.OccupancyGrid(4, 4, 0.5), lambda m:"
        " m.set_occupancy(1, 1, 100)), 0.55), lambda m: m.compute_costs(),"
        " 'lethal_cost cost_scaling_factor')"],
    "CostMap.cost": [
        "after(horus.CostMap(after(horus.OccupancyGrid(4, 4, 0.5), lambda m:"
        " m.set_occupancy(1, 1, 100)), 0.55), lambda m: m.compute_costs()).cost(0.75, 0.75)",
        "after(horus.CostMap(after(horus.OccupancyGrid(8, 8, 0.5), lambda m:"
        " m.set_occupancy(1, 1, 100)), 0.55), lambda m: m.compute_costs()).cost(3.2, 3.2)",
        "horus.CostMap(horus.OccupancyGrid(4, 4, 0.5)).cost(-1.0, 0.0)",
        "horus.CostMap(horus.OccupancyGrid(4, 4, 0.5)).cost(99.0, 0.0)"],
    "CostMap.cost_cell": ["horus.CostMap(horus.OccupancyGrid(4, 4, 0.5)).cost_cell(0, 0)"],
    "Detection.from_bbox": [
        "of(horus.perception.Detection.from_bbox(horus.perception.BoundingBox2D(1.0, 2.0, 3.0,"
        " 4.0), 'cat', 0.5, 7), 'class_name confidence class_id')"],
    "Detection.is_confident": [
        "horus.Detection('cat', 0.5, 0.0, 0.0, 1.0, 1.0).is_confident(0.5)",
        "horus.Detection('cat', 0.25, 0.0, 0.0, 1.0, 1.0).is_confident(0.5)"],
    "Detection.to_bytes": [
        "horus.perception.Detection('cat', 0.5, 1.0, 2.0, 3.0, 4.0).to_bytes().hex()"],
    "Detection.with_class_id": ["horus.Detection('cat').with_class_id(7).class_id",
                                "kept(horus.Detection('cat'), lambda m: m.with_class_id(7),"
                                " 'class_id')"],
    "Detection3D.with_velocity": [
        "of(horus.Detection3D('cat').with_velocity(1.0, 2.0, 3.0),"
        " 'velocity_x velocity_y velocity_z')",
        "kept(horus.Detection3D('cat'), lambda m: m.with_velocity(1.0, 2.0, 3.0), 'velocity_x')"],
    "DiagnosticReport.add_bool": [
        "[(v.key, v.value, v.value_type) for v in after(horus.DiagnosticReport('arm'), lambda m:"
        " (m.add_bool('a', True), m.add_bool('b', False))).get_values()]"],
    "DiagnosticReport.add_float": [
        "[(v.key, float(v.value), v.value_type) for v in after(horus.DiagnosticReport('arm'),"
        " lambda m: m.add_float('a', 1.5)).get_values()]"],
    "DiagnosticReport.add_int": [
        "[(v.key, v.value, v.value_type) for v in after(horus.DiagnosticReport('arm'), lambda m:"
        " m.add_int('a', -3)).get_values()]"],
    "DiagnosticReport.add_string": [
        "[(v.key, v.value, v.value_type) for v in after(horus.DiagnosticReport('arm'), lambda m:"
        " m.add_string('a', 'b')).get_values()]"],
    "DiagnosticReport.add_value": [
        "after(horus.DiagnosticReport('arm', 2), lambda m: m.add_value("
        "horus.DiagnosticValue.int('a', 1)), 'value_count level component')"],
    "DiagnosticReport.get_values": ["len(horus.DiagnosticReport('arm').get_values())"],
    "DiagnosticStatus.component_str": ["horus.DiagnosticStatus(component='arm').component_str()"],
    "DiagnosticStatus.error": ["of(horus.DiagnosticStatus.error(3, 'hot'), 'level code message')"],
    "DiagnosticStatus.fatal": ["of(horus.DiagnosticStatus.fatal(3, 'hot'), 'level code message')"],
    "DiagnosticStatus.message_str": ["horus.DiagnosticStatus(message='hot').message_str()"],
    "DiagnosticStatus.ok": ["of(horus.DiagnosticStatus.ok('fine'), 'level code message')"],
    "DiagnosticStatus.warn": ["of(horus.DiagnosticStatus.warn(3, 'hot'), 'level code message')"],
    "DiagnosticStatus.with_component": [
        "horus.DiagnosticStatus.ok('fine').with_component('arm').component",
        "kept(horus.DiagnosticStatus.ok('fine'), lambda m: m.with_component('arm'), 'component')"],
    "DiagnosticValue.boolean": ["of(horus.DiagnosticValue.boolean('a', True),"
                                " 'key value value_type')"],
    "DiagnosticValue.float": ["float(horus.DiagnosticValue.float('a', 1.5).value)",
                              "horus.DiagnosticValue.float('a', 1.5).value_type"],
    "DiagnosticValue.int": ["of(horus.DiagnosticValue.int('a', -7), 'key value value_type')"],
    "DifferentialDriveCommand.from_twist": [
        "of(horus.DifferentialDriveCommand.from_twist(1.0, 0.5, 0.4, 0.1),"
        " 'left_velocity right_velocity enable')"],
    "DifferentialDriveCommand.is_valid": [
        "horus.DifferentialDriveCommand(1.0, 2.0).is_valid()",
        "horus.DifferentialDriveCommand(float('nan'), 2.0).is_valid()"],
    "DifferentialDriveCommand.stop": [
        "of(horus.DifferentialDriveCommand.stop(), 'left_velocity right_velocity enable')"],
    "EmergencyStop.engage": ["of(horus.EmergencyStop.engage('fire'), 'engaged reason auto_reset')"],
    "EmergencyStop.reason_str": ["horus.EmergencyStop.engage('fire').reason_str()"],
    "EmergencyStop.release": ["of(horus.EmergencyStop.release(), 'engaged reason')"],
    "EmergencyStop.with_source": [
        "horus.EmergencyStop.engage('fire').with_source('panel').engaged",
        "horus.EmergencyStop.engage('fire').with_source('panel').reason"],
    "ForceCommand.force_only": [
        "horus.ForceCommand.force_only(horus.Vector3(1.0, 2.0, 3.0)).timeout_seconds"],
    "ForceCommand.surface_contact": [
        "of(horus.ForceCommand.surface_contact(5.0, horus.Vector3(0.0, 3.0, 4.0)), 'fx fy fz')",
        "horus.ForceCommand.surface_contact(5.0, horus.Vector3(0.0, 0.0, 1.0)).timeout_seconds"],
    "ForceCommand.with_timeout": [
        "horus.ForceCommand(1.0).with_timeout(2.5).timeout_seconds",
        "kept(horus.ForceCommand(1.0), lambda m: m.with_timeout(2.5), 'timeout_seconds')"],
    "GoalResult.with_error": ["horus.GoalResult(3, 3).with_error('stuck').goal_id",
                              "horus.GoalResult(3, 3).with_error('stuck').status",
                              "horus.GoalResult(3, 1).with_error('stuck').status"],
    "HapticFeedback.force": ["of(horus.HapticFeedback.force(horus.Vector3(1.0, 2.0, 3.0), 2.0),"
                             " 'vibration_intensity duration_seconds enabled')",
                             "horus.HapticFeedback.force(horus.Vector3(1.0, 2.0, 3.0), 2.0)"
                             ".pattern_type"],
    "HapticFeedback.pulse": ["of(horus.HapticFeedback.pulse(0.5, 100.0, 2.0), 'vibration_intensity"
                             " vibration_frequency duration_seconds pattern_type enabled')"],
    "HapticFeedback.vibration": ["of(horus.HapticFeedback.vibration(0.5, 100.0, 2.0),"
                                 " 'vibration_intensity vibration_frequency duration_seconds"
                                 " pattern_type enabled')"],
    "Heartbeat.update": ["after(horus.Heartbeat('n', 3), lambda m: m.update(5.0),"
                         " 'sequence uptime alive node_id')"],
    "ImpedanceParameters.compliant": [
        "horus.ImpedanceParameters.compliant().enabled",
        "[float(x) for x in horus.ImpedanceParameters.compliant().stiffness]",
        "[float(x) for x in horus.ImpedanceParameters.compliant().damping]",
        "[float(x) for x in horus.ImpedanceParameters.compliant().force_limits]"],
    "ImpedanceParameters.disable": [
        "after(horus.ImpedanceParameters(), lambda m: m.disable(), 'enabled')"],
    "ImpedanceParameters.enable": [
        "after(horus.ImpedanceParameters(), lambda m: m.enable(), 'enabled')"],
    "ImpedanceParameters.stiff": [
        "horus.ImpedanceParameters.stiff().enabled",
        "[float(x) for x in horus.ImpedanceParameters.stiff().stiffness]",
        "[float(x) for x in horus.ImpedanceParameters.stiff().damping]",
        "[float(x) for x in horus.ImpedanceParameters.stiff().force_limits]"],
    "Imu.angular_velocity_vec": [
        "of(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).angular_velocity_vec(), 'x y z')"],
    "Imu.has_orientation": [
        "horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).has_orientation()",
        "after(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), lambda m:"
        " m.set_orientation_from_euler(0.1, 0.2, 0.3)).has_orientation()"],
    "Imu.is_valid": ["horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).is_valid()",
                     "horus.Imu(float('nan'), 2.0, 3.0, 4.0, 5.0, 6.0).is_valid()"],
    "Imu.linear_acceleration_vec": [
        "of(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0).linear_acceleration_vec(), 'x y z')"],
    "Imu.orientation_quat": [
        "of(after(horus.Imu(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), lambda m:"
        " m.set_orientation_from_euler(0.1, 0.2, 0.3)).orientation_quat(), 'x y z w')"],
    "Imu.set_orientation_from_euler": [
        "of(after(horus.Imu(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), lambda m:"
        " m.set_orientation_from_euler(0.0, 0.0, 1.0)).orientation_quat(), 'x y z w')"],
    "JointCommand.add_position": [
        "of(after(horus.JointCommand(), lambda m: m.add_position('a', 1.5)),"
        " 'positions modes')"],
    "JointCommand.add_velocity": [
        "of(after(horus.JointCommand(), lambda m: m.add_velocity('a', 1.5)),"
        " 'velocities modes')"],
    "JointCommand.is_valid": [
        "horus.JointCommand(['a'], [1.0]).is_valid()",
        "horus.JointCommand(['a'], [float('nan')]).is_valid()"],
    "JointState.effort": ["horus.JointState(['a'], [1.0], [2.0], [3.0]).effort('a')",
                          "horus.JointState(['a'], [1.0], [2.0], [3.0]).effort('b')"],
    "JointState.position": ["horus.JointState(['a'], [1.0], [2.0], [3.0]).position('a')"],
    "JointState.velocity": ["horus.JointState(['a'], [1.0], [2.0], [3.0]).velocity('a')"],
    "JoystickInput.is_axis": ["horus.JoystickInput.new_axis(1, 2, 'x', 0.5).is_axis()",
                              "horus.JoystickInput.new_hat(1, 2, 'x', 0.5).is_axis()"],
    "JoystickInput.is_button": ["horus.JoystickInput.new_button(1, 2, 'a', True).is_button()",
                                "horus.JoystickInput.new_axis(1, 2, 'x', 0.5).is_button()"],
    "JoystickInput.is_connected": ["horus.JoystickInput.new_connection(1, True).is_connected()",
                                   "horus.JoystickInput.new_connection(1, False).is_connected()",
                                   "horus.JoystickInput.new_axis(1, 2, 'x', 0.5).is_connected()"],
    "JoystickInput.is_connection_event": [
        "horus.JoystickInput.new_connection(1, False).is_connection_event()",
        "horus.JoystickInput.new_axis(1, 2, 'x', 0.5).is_connection_event()"],
    "JoystickInput.is_hat": ["horus.JoystickInput.new_hat(1, 2, 'x', 0.5).is_hat()"],
    "JoystickInput.new_axis": ["of(horus.JoystickInput.new_axis(1, 2, 'x', 0.5), 'joystick_id"
                               " element_id element_name value pressed event_type')"],
    "JoystickInput.new_button": ["of(horus.JoystickInput.new_button(1, 2, 'a', True), 'joystick_id"
                                 " element_id element_name value pressed event_type')",
                                 "of(horus.JoystickInput.new_button(1, 2, 'a', False),"
                                 " 'value pressed')"],
    "JoystickInput.new_connection": [
        "of(horus.JoystickInput.new_connection(1, True), 'joystick_id element_id element_name value"
        " pressed event_type')",
        "of(horus.JoystickInput.new_connection(1, False), 'element_name value pressed')"],
    "JoystickInput.new_hat": ["of(horus.JoystickInput.new_hat(1, 2, 'd', -1.0), 'joystick_id"
                              " element_id element_name value pressed event_type')"],
    "KeyboardInput.is_alt": ["[horus.KeyboardInput('a', 65, True, 1 << n).is_alt()"
                             " for n in range(6)]"],
    "KeyboardInput.is_ctrl": ["[horus.KeyboardInput('a', 65, True, 1 << n).is_ctrl()"
                              " for n in range(6)]"],
    "KeyboardInput.is_shift": ["[horus.KeyboardInput('a', 65, True, 1 << n).is_shift()"
                               " for n in range(6)]"],
    "Landmark.distance_to": ["horus.Landmark(0.0, 0.0).distance_to(horus.Landmark(3.0, 4.0))"],
    "Landmark.is_visible": ["horus.Landmark(0.0, 0.0, 0.5).is_visible(0.5)",
                            "horus.Landmark(0.0, 0.0, 0.25).is_visible(0.5)"],
    "Landmark.visible": ["of(horus.Landmark.visible(1.0, 2.0, 3), 'x y visibility index')"],
    "Landmark3D.distance_to": ["horus.Landmark3D(0.0, 0.0, 0.0).distance_to("
                               "horus.Landmark3D(2.0, 3.0, 6.0))"],
    "Landmark3D.is_visible": ["horus.Landmark3D(0.0, 0.0, 0.0, 0.5).is_visible(0.5)",
                              "horus.Landmark3D(0.0, 0.0, 0.0, 0.25).is_visible(0.5)"],
    "Landmark3D.to_2d": ["of(horus.Landmark3D(1.0, 2.0, 3.0, 0.5, 4).to_2d(),"
                         " 'x y visibility index')"],
    "Landmark3D.visible": ["of(horus.Landmark3D.visible(1.0, 2.0, 3.0, 4),"
                           " 'x y z visibility index')"],
    "LandmarkArray.coco_pose": ["of(horus.LandmarkArray.coco_pose(), 'num_landmarks dimension')"],
    "LandmarkArray.data_size": ["horus.LandmarkArray(17, 2).data_size()",
                                "horus.LandmarkArray(17, 3).data_size()"],
    "LandmarkArray.mediapipe_face": [
        "of(horus.LandmarkArray.mediapipe_face(), 'num_landmarks dimension')"],
    "LandmarkArray.mediapipe_hand": [
        "of(horus.LandmarkArray.mediapipe_hand(), 'num_landmarks dimension')"],
    "LandmarkArray.mediapipe_pose": [
        "of(horus.LandmarkArray.mediapipe_pose(), 'num_landmarks dimension')"],
    "LaserScan.angle_at": ["horus.LaserScan(-1.0, 1.0, 0.5, 0.1, 10.0, [1.0] * 5).angle_at(3)"],
    "LaserScan.is_range_valid": [
        "[horus.LaserScan(-1.0, 1.0, 0.5, 0.5, 10.0, [1.0, 0.1, 11.0, float('nan')])"
        ".is_range_valid(n) for n in range(4)]"],
    "LaserScan.min_range": [
        "horus.LaserScan(-1.0, 1.0, 0.5, 0.5, 10.0, [3.0, 0.1, 2.0, float('nan')]).min_range()",
        "horus.LaserScan(-1.0, 1.0, 0.5, 0.5, 10.0, [0.1]).min_range()"],
    "MotorCommand.is_valid": ["horus.MotorCommand(1).is_valid()",
                              "horus.MotorCommand(1, 0, float('nan')).is_valid()"],
    "MotorCommand.position": ["of(horus.MotorCommand.position(3, 1.5, 2.0),"
                              " 'motor_id mode target max_velocity enable')"],
    "MotorCommand.stop": ["of(horus.MotorCommand.stop(3), 'motor_id mode target enable')"],
    "MotorCommand.velocity": ["of(horus.MotorCommand.velocity(3, 2.5),"
                              " 'motor_id mode target enable')"],
    "NavGoal.is_orientation_reached": [
        "horus.NavGoal(1.0, 1.0, 3.1).is_orientation_reached(horus.Pose2D(1.0, 1.0, -3.15))",
        "horus.NavGoal(1.0, 1.0, 0.0).is_orientation_reached(horus.Pose2D(1.0, 1.0, 0.2))"],
    "NavGoal.is_position_reached": [
        "horus.NavGoal(1.0, 1.0).is_position_reached(horus.Pose2D(1.05, 1.0, 9.0))",
        "horus.NavGoal(1.0, 1.0).is_position_reached(horus.Pose2D(1.2, 1.0, 0.0))"],
    "NavGoal.is_reached": ["horus.NavGoal(1.0, 1.0).is_reached(horus.Pose2D(1.0, 1.0, 0.0))",
                           "horus.NavGoal(1.0, 1.0).is_reached(horus.Pose2D(1.0, 1.0, 0.5))"],
    "NavGoal.with_priority": ["horus.NavGoal(1.0, 1.0).with_priority(7).priority",
                              "kept(horus.NavGoal(1.0, 1.0), lambda m: m.with_priority(7),"
                              " 'priority')"],
    "NavGoal.with_timeout": ["horus.NavGoal(1.0, 1.0).with_timeout(7.5).timeout_seconds",
                             "kept(horus.NavGoal(1.0, 1.0), lambda m: m.with_timeout(7.5),"
                             " 'timeout_seconds')"],
    "NavPath.add_waypoint": [
        "of(after(horus.NavPath(), lambda m: (m.add_waypoint(horus.Waypoint(0.0, 0.0)),"
        " m.add_waypoint(horus.Waypoint(3.0, 4.0)))), 'waypoint_count')",
        "of(after(horus.NavPath(), lambda m: (m.add_waypoint(horus.Waypoint(0.0, 0.0)),"
        " m.add_waypoint(horus.Waypoint(3.0, 4.0)))), 'total_length duration_seconds')"],
    "NavPath.calculate_progress": [
        "after(horus.NavPath(), lambda m: [m.add_waypoint(horus.Waypoint(float(x), 0.0))"
        " for x in range(5)]).calculate_progress(horus.Pose2D(2.0, 0.0, 0.0))",
        "after(horus.NavPath(), lambda m: [m.add_waypoint(horus.Waypoint(float(x), 0.0))"
        " for x in range(5)]).calculate_progress(horus.Pose2D(4.0, 0.0, 0.0))"],
    "NavPath.closest_waypoint_index": [
        "after(horus.NavPath(), lambda m: [m.add_waypoint(horus.Waypoint(float(x), 0.0))"
        " for x in range(5)]).closest_waypoint_index(horus.Pose2D(2.2, 0.0, 0.0))",
        "horus.NavPath().closest_waypoint_index(horus.Pose2D(2.2, 0.0, 0.0))"],
    "NavPath.get_waypoints": ["len(after(horus.NavPath(), lambda m: m.add_waypoint("
                              "horus.Waypoint(1.0, 2.0))).get_waypoints())"],
    "NavSatFix.distance_to": [
        "round(horus.NavSatFix.from_coordinates(48.0, 11.0, 0.0).distance_to("
        "horus.NavSatFix.from_coordinates(49.0, 11.0, 0.0)), 0)"],
    "NavSatFix.from_coordinates": [
        "of(horus.NavSatFix.from_coordinates(48.0, 11.0, 500.0), 'latitude longitude altitude"
        " status satellites_visible hdop')",
        "horus.NavSatFix.from_coordinates(48.0, 11.0, 500.0).has_fix()"],
    "NavSatFix.has_fix": ["horus.NavSatFix().has_fix()", "horus.NavSatFix(48.0, 11.0).has_fix()"],
    "NavSatFix.horizontal_accuracy": [
        "horus.NavSatFix().horizontal_accuracy()",
        "horus.NavSatFix.from_coordinates(48.0, 11.0, 0.0).horizontal_accuracy()"],
    "NavSatFix.is_valid": ["horus.NavSatFix(48.0, 11.0).is_valid()",
                           "horus.NavSatFix(91.0, 11.0).is_valid()",
                           "horus.NavSatFix(48.0, 181.0).is_valid()"],
    "NodeHeartbeat.is_fresh": [
        "after(horus.NodeHeartbeat(1), lambda m: m.update_timestamp()).is_fresh(60)",
        "horus.NodeHeartbeat(1).is_fresh(60)"],
    "NodeHeartbeat.update_timestamp": [
        "10**9 < after(horus.NodeHeartbeat(1), lambda m: m.update_timestamp())"
        ".heartbeat_timestamp < 10**11"],
    "OccupancyGrid.grid_to_world": [
        "horus.OccupancyGrid(4, 4, 0.5).grid_to_world(1, 2)",
        "horus.OccupancyGrid(4, 4, 0.5).grid_to_world(9, 9)"],
    "OccupancyGrid.is_free": [
        "after(horus.OccupancyGrid(4, 4, 0.5), lambda m: m.set_occupancy(1, 1, 0))"
        ".is_free(0.75, 0.75)", "horus.OccupancyGrid(4, 4, 0.5).is_free(0.75, 0.75)",
        "horus.OccupancyGrid(4, 4, 0.5).is_free(9.0, 9.0)"],
    "OccupancyGrid.is_occupied": [
        "after(horus.OccupancyGrid(4, 4, 0.5), lambda m: m.set_occupancy(1, 1, 100))"
        ".is_occupied(0.75, 0.75)",
        "after(horus.OccupancyGrid(4, 4, 0.5), lambda m: m.set_occupancy(1, 1, 50))"
        ".is_occupied(0.75, 0.75)", "horus.OccupancyGrid(4, 4, 0.5).is_occupied(9.0, 9.0)"],
    "OccupancyGrid.is_free_cell": ["horus.OccupancyGrid(4, 4, 0.5).is_free_cell(1, 1)"],
    "OccupancyGrid.is_occupied_cell": ["horus.OccupancyGrid(4, 4, 0.5).is_occupied_cell(1, 1)"],
    "OccupancyGrid.occupancy": [
        "after(horus.OccupancyGrid(4, 4, 0.5), lambda m: m.set_occupancy(1, 2, 70))"
        ".occupancy(1, 2)", "horus.OccupancyGrid(4, 4, 0.5).occupancy(0, 0)",
        "horus.OccupancyGrid(4, 4, 0.5).occupancy(9, 9)"],
    "OccupancyGrid.set_occupancy": [
        "horus.OccupancyGrid(4, 4, 0.5).set_occupancy(1, 1, 100)",
        "horus.OccupancyGrid(4, 4, 0.5).set_occupancy(9, 9, 100)"],
    "OccupancyGrid.world_to_grid": [
        "horus.OccupancyGrid(4, 4, 0.5).world_to_grid(0.75, 1.25)",
        "horus.OccupancyGrid(4, 4, 0.5).world_to_grid(9.0, 9.0)"],
    "Odometry.is_valid": ["horus.Odometry(1.0).is_valid()",
                          "horus.Odometry(float('nan')).is_valid()"],
    "Odometry.set_frames": ["horus.Odometry(1.0).set_frames('odom', 'base_link')"],
    "Odometry.update": ["of(after(horus.Odometry(), lambda m: m.update(horus.Pose2D(1.0, 2.0, 0.5),"
                        " horus.Twist(0.25, angular_z=0.75))), 'x y theta linear_velocity"
                        " angular_velocity')"],
    "PathPlan.add_waypoint": ["of(after(horus.PathPlan(), lambda m: m.add_waypoint(1.0, 2.0, 0.5)),"
                              " 'waypoint_count')"],
    "PathPlan.from_waypoints": [
        "of(horus.PathPlan.from_waypoints([[1.0, 2.0, 0.5], [3.0, 4.0, 0.5]], 5.0, 6.0, 0.25),"
        " 'waypoint_count goal_pose')"],
    "PathPlan.is_empty": ["horus.PathPlan().is_empty()"],
    "PathPlan.waypoint": ["horus.PathPlan.from_waypoints([[1.0, 2.0, 0.5]]).waypoint(0)",
                          "horus.PathPlan().waypoint(0)"],
    "PidConfig.is_valid": ["horus.PidConfig().is_valid()", "horus.PidConfig(kp=-1.0).is_valid()",
                           "horus.PidConfig(kp=float('nan')).is_valid()"],
    "PidConfig.pd": ["of(horus.PidConfig.pd(1.0, 0.5), 'kp ki kd')"],
    "PidConfig.pi": ["of(horus.PidConfig.pi(1.0, 0.5), 'kp ki kd')"],
    "PidConfig.proportional": ["of(horus.PidConfig.proportional(2.0), 'kp ki kd')"],
    "PidConfig.with_limits": [
        "of(horus.PidConfig().with_limits(1.0, 2.0), 'integral_limit output_limit')",
        "kept(horus.PidConfig(output_limit=9.0), lambda m: m.with_limits(1.0, 2.0),"
        " 'output_limit')"],
    "PlaneArray.add_plane": ["of(after(horus.PlaneArray(), lambda m: m.add_plane("
                             "horus.PlaneDetection())), 'count')"],
    "PlaneDetection.contains_point": [
        "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).contains_point(5.0, 5.0, 0.005, 0.01)",
        "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).contains_point(5.0, 5.0, 0.5, 0.01)",
        "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).contains_point(5.0, 5.0, -0.5, 0.01)"],
    "PlaneDetection.distance_to_point": [
        "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).distance_to_point(0.0, 0.0, 2.0)",
        "horus.PlaneDetection(0.0, 0.0, 1.0, 0.0).distance_to_point(0.0, 0.0, -2.0)",
        "horus.PlaneDetection(0.0, 0.0, 2.0, 0.0).distance_to_point(0.0, 0.0, 2.0)"],
    "Point3.distance_to": ["horus.Point3(1.0, 2.0, 2.0).distance_to(horus.Point3())"],
    "Point3.origin": ["of(horus.Point3.origin(), 'x y z')"],
    "PointField.field_size": ["horus.PointField('x', 0, 0, 1).field_size()",
                              "horus.PointField('x', 0, 1, 3).field_size()"],
    "Pose2D.distance_to": ["horus.Pose2D(3.0, 4.0, 1.0).distance_to(horus.Pose2D.origin())"],
    "Pose2D.is_valid": ["horus.Pose2D(3.0, 4.0, 1.0).is_valid()",
                        "horus.Pose2D(3.0, float('inf'), 1.0).is_valid()"],
    "Pose2D.normalize_angle": [
        "of(after(horus.Pose2D(0.0, 0.0, 4.0), lambda m: m.normalize_angle()), 'theta')",
        "of(after(horus.Pose2D(0.0, 0.0, -7.0), lambda m: m.normalize_angle()), 'theta')"],
    "Pose2D.origin": ["of(horus.Pose2D.origin(), 'x y theta')"],
    "Pose3D.distance_to": ["horus.Pose3D(2.0, 3.0, 6.0).distance_to(horus.Pose3D())"],
    "Pose3D.from_pose_2d": ["of(horus.Pose3D.from_pose_2d(horus.Pose2D(1.0, 2.0, 1.0)),"
                            " 'x y z qx qy qz qw')"],
    "Pose3D.identity": ["of(horus.Pose3D.identity(), 'x y z qx qy qz qw')"],
    "Pose3D.is_valid": ["horus.Pose3D(1.0).is_valid()", "horus.Pose3D(float('nan')).is_valid()",
                        "horus.Pose3D(qw=5.0).is_valid()"],
    "PoseWithCovariance.orientation_variance": [
        "horus.PoseWithCovariance().orientation_variance()"],
    "PoseWithCovariance.position_variance": [
        "horus.PoseWithCovariance().position_variance()"],
    "Quaternion.from_euler": ["of(horus.Quaternion.from_euler(0.1, 0.2, 0.3), 'x y z w')"],
    "Quaternion.identity": ["of(horus.Quaternion.identity(), 'x y z w')"],
    "Quaternion.is_valid": ["horus.Quaternion(0.0, 0.0, 0.0, 1.0).is_valid()",
                            "horus.Quaternion(0.0, 0.0, 0.0, 0.0).is_valid()",
                            "horus.Quaternion(0.0, 0.0, 0.0, 2.0).is_valid()"],
    "Quaternion.normalize": [
        "of(after(horus.Quaternion(0.0, 0.0, 3.0, 4.0), lambda m: m.normalize()), 'x y z w')"],
    "RangeSensor.is_valid": ["[horus.RangeSensor(x).is_valid()"
                             " for x in (0.01, 1.0, 5.0, float('nan'))]"],
    "RegionOfInterest.area": ["horus.RegionOfInterest(1, 2, 3, 4).area()"],
    "RegionOfInterest.contains": ["[horus.RegionOfInterest(1, 2, 3, 4).contains(x, 2)"
                                  " for x in (0, 1, 3, 4)]"],
    "ResourceUsage.is_cpu_high": ["[horus.ResourceUsage(x).is_cpu_high(80.0)"
                                  " for x in (79.0, 80.0, 81.0)]"],
    "ResourceUsage.is_memory_high": ["[horus.ResourceUsage(memory_percent=x).is_memory_high(80.0)"
                                     " for x in (79.0, 80.0, 81.0)]"],
    "ResourceUsage.is_temperature_high": [
        "[after(horus.ResourceUsage(), lambda m: setattr(m, 'temperature', x))"
        ".is_temperature_high(80.0) for x in (79.0, 80.0, 81.0)]"],
    "SafetyStatus.clear_faults": [
        "of(after(horus.SafetyStatus(), lambda m: (m.set_fault(7), m.clear_faults())),"
        " 'fault_code mode')"],
    "SafetyStatus.is_safe": ["horus.SafetyStatus().is_safe()",
                             "after(horus.SafetyStatus(), lambda m: m.set_fault(7)).is_safe()"],
    "SafetyStatus.set_fault": [
        "of(after(horus.SafetyStatus(), lambda m: m.set_fault(7)), 'fault_code mode enabled"
        " estop_engaged watchdog_ok')"],
    "SegmentationMask.data_size": ["horus.SegmentationMask.semantic(4, 3, 2).data_size()"],
    "SegmentationMask.data_size_u16": ["horus.SegmentationMask.instance(4, 3).data_size_u16()"],
    "SegmentationMask.instance": ["of(horus.SegmentationMask.instance(4, 3),"
                                  " 'width height num_classes mask_type')"],
    "SegmentationMask.is_instance": ["horus.SegmentationMask.instance(4, 3).is_instance()"],
    "SegmentationMask.is_panoptic": ["horus.SegmentationMask.instance(4, 3).is_panoptic()"],
    "SegmentationMask.is_semantic": ["horus.SegmentationMask.semantic(4, 3, 2).is_semantic()"],
    "SegmentationMask.panoptic": ["of(horus.SegmentationMask.panoptic(4, 3, 2),"
                                  " 'width height num_classes mask_type')"],
    "SegmentationMask.semantic": ["of(horus.SegmentationMask.semantic(4, 3, 2),"
                                  " 'width height num_classes mask_type')"],
    "ServoCommand.disable": ["of(horus.ServoCommand.disable(3), 'servo_id position speed enable')"],
    "ServoCommand.from_degrees": ["of(horus.ServoCommand.from_degrees(3, 90.0),"
                                  " 'servo_id position speed enable')"],
    "ServoCommand.is_valid": ["horus.ServoCommand(1, 0.5).is_valid()",
                              "horus.ServoCommand(1, float('nan')).is_valid()",
                              "horus.ServoCommand(1, 0.5, 2.0).is_valid()"],
    "ServoCommand.with_speed": ["of(horus.ServoCommand.with_speed(3, 0.5, 0.25),"
                                " 'servo_id position speed enable')"],
    "StereoInfo.depth_from_disparity": [
        "horus.StereoInfo(horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0),"
        " horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0), 0.25).depth_from_disparity(10.0)",
        "horus.StereoInfo(horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0),"
        " horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0), 0.25)"
        ".depth_from_disparity(0.0)"],
    "StereoInfo.disparity_from_depth": [
        "horus.StereoInfo(horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0),"
        " horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0), 0.25).disparity_from_depth(12.5)",
        "horus.StereoInfo(horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0),"
        " horus.CameraInfo(640, 480, 500.0, 500.0, 320.0, 240.0), 0.25)"
        ".disparity_from_depth(0.0)"],
    "TactileArray.get_force": ["horus.TactileArray(2, 2).get_force(0, 1)",
                               "horus.TactileArray(2, 2).get_force(9, 9)"],
    "TactileArray.set_force": ["after(horus.TactileArray(2, 2), lambda m: m.set_force(0, 1, 0.5))"
                               ".get_force(0, 1)"],
    "TimeReference.correct_timestamp": [
        "horus.TimeReference(1000, 'gps', 50).correct_timestamp(500)",
        "horus.TimeReference(1000, 'gps', -50).correct_timestamp(500)"],
    "TrackedObject.confirm": ["of(after(horus.TrackedObject(1), lambda m: m.confirm()), 'state')"],
    "TrackedObject.delete": ["of(after(horus.TrackedObject(1), lambda m: m.delete()), 'state')"],
    "TrackedObject.heading": ["horus.TrackedObject(1).heading()"],
    "TrackedObject.is_confirmed": ["after(horus.TrackedObject(1), lambda m: m.confirm())"
                                   ".is_confirmed()"],
    "TrackedObject.is_deleted": ["after(horus.TrackedObject(1), lambda m: m.delete())"
                                 ".is_deleted()"],
    "TrackedObject.is_tentative": ["horus.TrackedObject(1).is_tentative()"],
    "TrackedObject.mark_missed": ["of(after(horus.TrackedObject(1), lambda m: m.mark_missed()),"
                                  " 'age hits time_since_update state')"],
    "TrackedObject.speed": ["horus.TrackedObject(1).speed()"],
    "TrackedObject.update": [
        "of(after(horus.TrackedObject(1), lambda m: m.update(horus.BoundingBox2D(1.0, 2.0, 3.0,"
        " 4.0), 0.75)), 'age hits time_since_update state confidence')",
        "of(after(horus.TrackedObject(1, 2.0, 3.0, 4.0, 5.0), lambda m:"
        " m.update(horus.BoundingBox2D(3.0, 3.0, 8.0, 9.0), 0.75)), 'velocity velocity_x"
        " velocity_y accel_x')",
        "after(horus.TrackedObject(1, 2.0, 3.0, 4.0, 5.0), lambda m:"
        " m.update(horus.BoundingBox2D(3.0, 3.0, 8.0, 9.0), 0.75)).predicted_bbox.as_tuple()",
        "after(horus.TrackedObject(1, 2.0, 3.0, 4.0, 5.0), lambda m:"
        " m.update(horus.BoundingBox2D(3.0, 3.0, 8.0, 9.0), 0.75)).speed()"],
    "TrackingHeader.data_size": ["horus.TrackingHeader(3).data_size()"],
    "TrajectoryPoint.new_2d": ["horus.TrajectoryPoint.new_2d(1.0, 2.0, 3.0, 4.0, 5.0)"
                               ".time_from_start"],
    "TrajectoryPoint.stationary": ["horus.TrajectoryPoint.stationary(1.0, 2.0, 3.0)"
                                   ".time_from_start"],
    "TransformStamped.from_pose_2d": [
        "horus.TransformStamped.from_pose_2d(horus.Pose2D(1.0, 2.0, 1.0)).is_valid()"],
    "TransformStamped.identity": ["horus.TransformStamped.identity().is_valid()"],
    "TransformStamped.is_valid": ["horus.TransformStamped(float('nan')).is_valid()",
                                  "horus.TransformStamped(rw=2.0).is_valid()"],
    "TransformStamped.normalize_rotation": [
        "after(horus.TransformStamped(rz=3.0, rw=4.0), lambda m: m.normalize_rotation())"
        ".is_valid()"],
    "Twist.is_valid": ["horus.Twist(1.0).is_valid()", "horus.Twist(float('nan')).is_valid()"],
    "Twist.new_2d": ["of(horus.Twist.new_2d(1.0, 0.5), 'linear_x linear_y angular_z')"],
    "Twist.stop": ["of(horus.Twist.stop(), 'linear_x linear_y angular_z')"],
    "TwistWithCovariance.angular_variance": [
        "horus.TwistWithCovariance().angular_variance()"],
    "TwistWithCovariance.linear_variance": [
        "horus.TwistWithCovariance().linear_variance()"],
    "Vector3.cross": ["of(horus.Vector3(1.0, 2.0, 3.0).cross(horus.Vector3(4.0, 5.0, 6.0)),"
                      " 'x y z')"],
    "Vector3.dot": ["horus.Vector3(1.0, 2.0, 3.0).dot(horus.Vector3(4.0, 5.0, 6.0))"],
    "Vector3.magnitude": ["horus.Vector3(2.0, 3.0, 6.0).magnitude()"],
    "Vector3.normalize": ["of(after(horus.Vector3(0.0, 3.0, 4.0), lambda m: m.normalize()),"
                          " 'x y z')",
                          "of(after(horus.Vector3(), lambda m: m.normalize()), 'x y z')"],
    "Vector3.normalized": ["of(horus.Vector3(0.0, 3.0, 4.0).normalized(), 'x y z')",
                           "kept(horus.Vector3(0.0, 3.0, 4.0), lambda m: m.normalized(), 'y')"],
    "Vector3.zero": ["of(horus.Vector3.zero(), 'x y z')"],
    "VelocityObstacles.add_obstacle": ["of(after(horus.VelocityObstacles(), lambda m:"
                                       " m.add_obstacle(horus.VelocityObstacle(1.0))), 'count')"],
    "VelocityObstacles.get_obstacles": ["len(horus.VelocityObstacles().get_obstacles())"],
    "Waypoint.with_stop": ["horus.Waypoint(1.0, 2.0).with_stop().stop_required",
                           "kept(horus.Waypoint(1.0, 2.0), lambda m: m.with_stop(),"
                           " 'stop_required')"],
    "Waypoint.with_velocity": [
        "horus.Waypoint(1.0, 2.0).with_velocity(horus.Twist(0.5)).velocity.linear_x"],
    "WrenchStamped.exceeds_limits": [
        "horus.WrenchStamped(3.0, 4.0, 0.0).exceeds_limits(4.5, 1.0)",
        "horus.WrenchStamped(3.0, 4.0, 0.0).exceeds_limits(5.5, 1.0)",
        "horus.WrenchStamped(tz=2.0).exceeds_limits(5.5, 1.0)"],
    "WrenchStamped.filter": [
        "filtered(horus.WrenchStamped(4.0), horus.WrenchStamped(2.0), 0.25)"],
    "WrenchStamped.force_magnitude": ["horus.WrenchStamped(3.0, 4.0, 0.0).force_magnitude()"],
    "WrenchStamped.force_only": ["horus.WrenchStamped.force_only(horus.Vector3(1.0, 2.0, 2.0))"
                                 ".force_magnitude()"],
    "WrenchStamped.torque_magnitude": ["horus.WrenchStamped(tx=2.0).torque_magnitude()"],
    "WrenchStamped.torque_only": ["horus.WrenchStamped.torque_only(horus.Vector3(1.0, 2.0, 2.0))"
                                  ".torque_magnitude()"],
}


def of(message, fields):
    return [plain(getattr(message, field)) for field in fields.split()]


def after(message, change, fields=None):
    """The message itself, or some of its fields, once something was done to it."""
    change(message)
    return message if fields is None else of(message, fields)


def kept(message, derive, field):
    """Whether a message stays as it was when another one is made of it."""
    before = plain(getattr(message, field))
    derive(message)
    return plain(getattr(message, field)) == before


def filtered(wrench, previous, alpha):
    result = wrench.filter(previous, alpha)
    return (wrench if result is None else result).force_magnitude()


def plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (bytes, list, tuple)):
        return [plain(one) for one in value]
    return value


WORDS = {"of": of, "after": after, "kept": kept, "filtered": filtered}
