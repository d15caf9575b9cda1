# SPDX-License-Identifier: Apache-2.0
"""Names of the family beside ours. Importing this module lets the methods take its arguments.

A program that names its arguments runs with either name; docs, stubs and errors have ours.
"""
from __future__ import annotations

from . import _depth_image, _horus, _image, _methods, _payload, _point_cloud, _tensor  # noqa: F401
from ._extend import also_named

# What programs import from horus._horus, too.
ALSO_NATIVE = ("Miss", "NodeInfo", "NodeState", "Rate", "TensorPool", "get_timestamp_ns",
               "get_version", "perception")

# Class: method: their name: ours.
NAMES: dict[str, dict[str, dict[str, str]]] = {
    "BoundingBox2D": {"from_center": {"cx": "center_x", "cy": "center_y"}},
    "Clock": {"sim_time": {"sim_ns": "clock_ns", "speed": "sim_speed"},
              "replay_time": {"replay_ns": "clock_ns", "speed": "sim_speed"}},
    "DepthImage": {"set_depth": {"value": "depth"}, "set_frame_id": {"id": "frame_id"},
                   "set_timestamp_ns": {"ts": "timestamp_ns"}},
    "Detection3D": {"with_velocity": {
        "vx": "velocity_x", "vy": "velocity_y", "vz": "velocity_z"}},
    "DiagnosticReport": {"add_value": {"val": "value"}},
    "ForceCommand": {"force_only": {"target": "fx"}, "surface_contact": {"normal": "nx"},
                     "with_timeout": {"timeout_seconds": "seconds"}},
    "HapticFeedback": {"force": {"force": "fx"}},
    "Image": {"copy_from": {"data": "source"}, "roi": {"w": "width", "h": "height"},
              "set_frame_id": {"id": "frame_id"}, "set_timestamp_ns": {"ts": "timestamp_ns"}},
    "JoystickInput": {"new_axis": {"name": "axis_name"}, "new_button": {"name": "button_name"},
                      "new_hat": {"name": "hat_name"}},
    "NavGoal": {"is_orientation_reached": {"current": "pose"},
                "is_position_reached": {"current": "pose"}, "is_reached": {"current": "pose"},
                "with_timeout": {"timeout_seconds": "seconds"}},
    "NavPath": {"add_waypoint": {"wp": "waypoint"}, "calculate_progress": {"current": "pose"},
                "closest_waypoint_index": {"current": "pose"}},
    "NavSatFix": {"from_coordinates": {"lat": "latitude", "lon": "longitude", "alt": "altitude"}},
    "NodeHeartbeat": {"is_fresh": {"max_age_secs": "max_age"}},
    "Odometry": {"set_frames": {"frame": "frame_id", "child_frame": "child_frame_id"},
                 "update": {"pose": "dt"}},
    "PlaneDetection": {"contains_point": {"px": "x", "py": "y", "pz": "z"},
                       "distance_to_point": {"px": "x", "py": "y", "pz": "z"}},
    "PointCloud": {"point_at": {"idx": "index"},
                   "set_frame_id": {"id": "frame_id"},
                   "set_timestamp_ns": {"ts": "timestamp_ns"}},
    "Scheduler": {
        "add_critical_node": {"node_name": "name"}, "get_node_info": {"node_name": "name"},
        "get_node_stats": {"node_name": "name"}, "has_node": {"node_name": "name"},
        "remove_node": {"node_name": "name"},
        "set_node_rate": {"node_name": "name", "hz": "rate"},
        "set_tick_budget": {"node_name": "name", "budget_us": "us"}},
    "ServoCommand": {"with_speed": {"servo_id": "self"}},
    "Tensor": {"max": {"dim": "axis"}, "mean": {"dim": "axis"},
               "min": {"dim": "axis"}, "slice": {"end": "stop"}, "sum": {"dim": "axis"},
               "unsqueeze": {"dim": "axis"}},
    "TimeReference": {"correct_timestamp": {"local_ns": "timestamp_ns"}},
    "TrajectoryPoint": {"new_2d": {"time": "time_from_start"}},
    "VelocityObstacles": {"add_obstacle": {"obs": "obstacle"}},
    "WrenchStamped": {"filter": {"prev": "previous"}, "force_only": {"force": "fx"},
                      "torque_only": {"torque": "tx"}},
}


def _install() -> None:
    for class_name, methods in NAMES.items():
        cls = getattr(_horus, class_name)
        for method, names in methods.items():
            member = vars(cls)[method]
            if isinstance(member, staticmethod):
                setattr(cls, method, type(member)(also_named(names)(member.__func__)))
            else:
                setattr(cls, method, also_named(names)(member))


_install()
