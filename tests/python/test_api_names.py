# SPDX-License-Identifier: Apache-2.0
"""Every public name that programs may rely on is there; what each does is tested where it belongs.

Apart: transforms, services, actions, replay, deterministic mode, live parameters.
"""
import inspect

import pytest

import horus

NAMES = {
    horus: """us ms now dt elapsed tick budget_remaining deadline_remaining rng_float timestamp_ns
        monotonic_ns get_timestamp_ns run Miss NodeState get_version __version__ HorusNotFoundError
        HorusTransformError HorusTimeoutError Node Scheduler Topic Pub Sub Rate Image PointCloud
        DepthImage Tensor TensorPool message DetectionList PointXYZ PointXYZRGB PointCloudBuffer
        COCOPose perception""",
    horus.Node: """name tick init shutdown rate order budget deadline on_miss
        failure_policy compute on priority core watchdog default_capacity pub_topics sub_topics
        send recv recv_all has_msg log_info log_warning log_error log_debug request_stop publishers
        subscribers info""",
    horus.NodeInfo: """name state tick_count error_count successful_ticks failed_ticks
        avg_tick_duration_ms get_uptime get_metrics set_custom_data get_custom_data""",
    horus.Scheduler: """add run stop status is_running current_tick tick_once tick_for has_node
        get_node_names get_node_count get_all_nodes get_node_info scheduler_name set_node_rate
        set_tick_budget add_critical_node remove_node capabilities has_full_rt degradations
        safety_stats get_node_stats is_recording is_replaying
        stop_recording list_recordings delete_recording __enter__ __exit__""",
    horus.Topic: """send recv try_send send_blocking try_recv read_latest wait fileno loan name
        backend_type endpoint is_generic pending_count pub_count sub_count stats dropped_count
        missed_count recv_all has_msg is_network_topic""",
    horus.Rate: "sleep actual_hz target_hz period reset is_late",
    horus.Image: """height width channels encoding dtype nbytes step frame_id timestamp_ns to_numpy
        pixel set_pixel fill copy copy_from roi is_cpu is_cuda is_gpu device as_tensor to_cpu
        release set_frame_id set_timestamp_ns from_numpy from_bytes __dlpack__ __dlpack_device__
        __array_interface__ __getitem__""",
    horus.PointCloud: """point_count fields_per_point point_at is_xyz has_intensity has_color
        to_numpy from_numpy release copy""",
    horus.DepthImage: """get_depth set_depth depth_scale depth_statistics is_meters is_millimeters
        to_numpy from_numpy release copy""",
    horus.Tensor: """zeros empty from_numpy from_descriptor shape dtype device numel nbytes refcount
        numpy torch slice view reshape flatten squeeze unsqueeze T sum mean max min astype tolist
        to_descriptor release cuda cpu is_contiguous to_float16 to_float32 to_int32 to_uint8""",
    horus.Imu: "qx qy qz qw orientation_quat",
}
STATISTICS = """name order priority rate_hz total_ticks successful_ticks failed_ticks errors_count
    avg_tick_duration_ms min_tick_duration_ms max_tick_duration_ms last_tick_duration_ms
    uptime_seconds messages_sent messages_received p50_tick_duration_ms p90_tick_duration_ms
    p99_tick_duration_ms p999_tick_duration_ms p50_release_lateness_us p99_gil_wait_us
    deadline_misses budget_overruns skipped_ticks messages_dropped minor_faults major_faults
    involuntary_switches cpu state""".split()


@pytest.mark.parametrize("owner, name", [
    (owner, name) for owner, names in NAMES.items() for name in names.split()],
    ids=lambda value: getattr(value, "__name__", value))
def test_it_is_there_and_says_what_it_is(owner, name):
    there = inspect.getattr_static(owner, name)
    if not isinstance(there, (float, str)) and not name.startswith("__"):
        assert getattr(owner, name).__doc__, f"{name} has no doc"


def test_every_statistic_is_there():
    scheduler = horus.Scheduler().add(horus.Node(name="n", rate=100))
    scheduler.tick_once()
    assert set(STATISTICS) <= set(scheduler.get_node_stats("n"))
    assert set(scheduler.safety_stats()) == {
        "state", "budget_overruns", "deadline_misses", "watchdog_expirations",
        "degrade_activations"}
    assert set(scheduler.capabilities()) >= {
        "preempt_rt", "rt_priority_available", "max_rt_priority", "min_rt_priority"}
    scheduler.stop()


def test_both_are_values_and_calls():
    scheduler = horus.Scheduler(name="planner")
    assert scheduler.scheduler_name == scheduler.scheduler_name() == "planner"
    topic = horus.Topic("api/values")
    assert topic.is_generic and topic.is_generic()
