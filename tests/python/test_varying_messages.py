# SPDX-License-Identifier: Apache-2.0
"""Messages whose arrays have the size that they need: made, changed, sent, and what is refused."""
import copy
import gc
import json
import pickle
import struct
import sys

import numpy as np
import pytest

import horus
from running import Running, own_base, program as built, run, until
from snippet import beside, prints, program


def examples():
    grid = horus.OccupancyGrid(3, 2, 0.5)
    grid.data = [0, 50, 100, -1, 7, 0]
    grid.origin = horus.Pose2D(1, 2, 0.5)
    grid.frame_id = "map"
    costs = horus.CostMap(grid, 0.25)
    costs.costs = [0, 1, 2, 3, 254, 255]
    touch = horus.TactileArray(2, 2)
    touch.forces = [0.5, -1, 0, 2]
    touch.total_force = [0, 0, 1.5]
    image = horus.CompressedImage("png", b"\x89PNG\0", 640, 480)
    return [grid, costs, touch, image]


EXAMPLES = examples()
EACH = pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)


@EACH
def test_a_message_copies_pickles_and_compares(message):
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message)),
                 type(message).from_bytes(bytes(message))):
        assert type(twin) is type(message) and twin == message and bytes(twin) == bytes(message)
    assert message != type(message)()
    with pytest.raises(TypeError):
        hash(message)


@EACH
def test_a_copy_has_arrays_of_its_own(message):
    twin = copy.copy(message)
    for name in ("data", "costs", "forces"):
        if hasattr(twin, name):
            getattr(twin, name)[0] = 33
            assert twin != message


def test_a_message_is_the_head_and_then_each_array_at_a_multiple_of_eight():
    grid, costs, touch, image = map(bytes, EXAMPLES)
    assert struct.unpack_from("<fII", grid) == (0.5, 3, 2) and len(grid) == 152 + 6
    assert grid[152:] == np.array([0, 50, 100, -1, 7, 0], np.int8).tobytes()
    assert costs[:152] == grid[:152] and costs[168:176] == grid[152:] + b"\0\0"
    assert costs[176:] == bytes([0, 1, 2, 3, 254, 255])
    assert touch[48:] == np.array([0.5, -1, 0, 2], np.float32).tobytes()
    assert image[:4] == b"png\0" and image[8:20] == struct.pack("<III", 5, 640, 480)
    assert image[64:] == b"\x89PNG\0"


def test_a_new_map_is_unknown_and_so_are_its_costs():
    grid = horus.OccupancyGrid(width=2, height=3)
    assert grid.data.dtype == np.int8 and grid.data.tolist() == [-1] * 6
    costs = horus.CostMap(grid)
    assert costs.data.tolist() == [-1] * 6
    assert costs.costs.dtype == np.uint8 and costs.costs.tolist() == [255] * 6
    assert horus.TactileArray(1, 2).forces.dtype == np.float32
    assert horus.OccupancyGrid().data.size == horus.CostMap().costs.size == 0


def test_an_array_is_a_writable_view_that_outlives_its_message():
    grid = horus.OccupancyGrid(2, 1)
    data = grid.data
    data[1] = 100
    assert grid.occupancy(1, 0) == 100
    grid.data = [5, 6]
    assert data.tolist() == [-1, 100] and grid.data.tolist() == [5, 6]
    del grid
    gc.collect()
    assert data.tolist() == [-1, 100]


@pytest.mark.parametrize("values", [
    [1, 2, 3, 4], (1, 2, 3, 4), range(1, 5), np.array([[1, 2], [3, 4]]),
    np.arange(1, 5, dtype=np.int8), np.arange(8, 0, -1)[::-2] // 2 + 1])
def test_an_array_takes_sequences_and_arrays_of_any_shape(values):
    grid = horus.OccupancyGrid(2, 2)
    grid.data = values
    assert grid.data.shape == (4,) and grid.data.tolist() == [int(v) for v in np.ravel(values)]


@pytest.mark.parametrize("values, error, says", [
    ([1, 2, 3], ValueError, r"OccupancyGrid.data: 3 values; width x height is 4"),
    ([1, 2, 3, 4, 5], ValueError, "5 values; width x height is 4"),
    ([1, 2, 3, 128], ValueError, "OccupancyGrid.data: 128 does not fit into 8 bits"),
    (np.array([1, 2, 3, 300]), ValueError, "300 does not fit into 8 bits"),
    ([1, 2, 3, 0.5], TypeError, "must be an integer, not float"),
    ("1234", TypeError, "must be a sequence, not str"), (4, TypeError, "must be a sequence")])
def test_values_that_do_not_fit_leave_the_array_as_it_was(values, error, says):
    grid = horus.OccupancyGrid(2, 2)
    with pytest.raises(error, match=says):
        grid.data = values
    assert grid.data.tolist() == [-1] * 4


def test_the_data_of_a_picture_has_the_length_of_what_was_assigned():
    image = horus.CompressedImage()
    assert (image.format, image.data_count) == ("jpeg", 0)
    for data in (b"abc", bytearray(b"de"), [1, 2, 3, 4], np.zeros(7, np.uint8), b""):
        image.data = data
        assert image.data_count == len(image.data) == len(data)
        assert bytes(image.data) == bytes(data)


@pytest.mark.parametrize("name, count", [
    ("OccupancyGrid", "width"), ("OccupancyGrid", "height"), ("CostMap", "width"),
    ("TactileArray", "rows"), ("CompressedImage", "data_count")])
def test_what_says_how_long_an_array_is_cannot_be_assigned(name, count):
    with pytest.raises(AttributeError, match=count):
        setattr(getattr(horus, name)(), count, 3)


def test_the_map_of_the_costs_shares_its_elements_and_can_be_replaced():
    costs = horus.CostMap(horus.OccupancyGrid(2, 1), 0.25)
    costs.occupancy_grid.data[0] = 100
    assert costs.data.tolist() == [100, -1]
    given = horus.OccupancyGrid(3, 1)
    costs.occupancy_grid = given
    assert costs.occupancy_grid == given and costs.width == 3
    assert costs.costs.tolist() == [255, 255, 255] and round(costs.inflation_radius, 6) == 0.25
    given.data[0] = 50
    assert costs.data.tolist() == [-1, -1, -1]
    assert horus.CostMap({"width": 1, "height": 1}).costs.tolist() == [255]
    with pytest.raises(TypeError, match="CostMap.grid must be horus.OccupancyGrid, not int"):
        horus.CostMap(5)


def test_no_more_than_a_message_may_be():
    for size in ((1 << 16, 1 << 16), (2**32 - 1, 2**32 - 1), (4096, 1025)):
        with pytest.raises(ValueError, match="OccupancyGrid.data: [0-9]+ values; a message has at"):
            horus.OccupancyGrid(*size)
    with pytest.raises(ValueError, match="4194305 values; a message has at most 4194304 bytes"):
        horus.CompressedImage(data=bytes((1 << 22) + 1))
    with pytest.raises(ValueError, match="a message has at most 4194304 bytes"):
        bytes(horus.OccupancyGrid(2048, 2048))  # And the head.


@EACH
def test_bytes_that_are_not_as_long_as_their_head_says_are_refused(message):
    whole = bytes(message)
    for bad in (whole[:-1], whole + b"\0", whole[:20], b""):
        with pytest.raises(ValueError, match="the arrays do not end where its [0-9]+ bytes do"):
            type(message).from_bytes(bad)


@pytest.mark.parametrize("counts", [(2**32 - 1, 2**32 - 1), (0, 1), (1 << 31, 2)])
def test_a_hostile_count_is_refused(counts):
    bad = bytearray(bytes(horus.OccupancyGrid(2, 2)))
    bad[4:12] = struct.pack("<II", *counts)
    with pytest.raises(ValueError, match="the arrays do not end"):
        horus.OccupancyGrid.from_bytes(bytes(bad))


def test_an_array_that_was_bent_is_not_sent():
    for bend in (lambda array: setattr(array, "dtype", np.int16),
                 lambda array: array.resize(2, refcheck=False)):
        grid = horus.OccupancyGrid(4, 1)
        bend(grid.data)
        with pytest.raises(ValueError, match="data: the array was given another shape or type"):
            bytes(grid)


def test_nothing_leaks():
    grid, data = EXAMPLES[0], np.zeros(6, np.int8)
    before = sys.getrefcount(data)
    for _ in range(50):
        grid.data = data
        copy.copy(horus.CostMap(grid)).occupancy_grid
    assert sys.getrefcount(data) == before
    grid.data = [0, 50, 100, -1, 7, 0]
    held = horus.OccupancyGrid(1, 1).data
    assert sys.getrefcount(held) == 2


def test_a_message_prints_its_arguments():
    assert repr(horus.TactileArray(2, 3)) == "TactileArray(rows=2, cols=3)"
    assert repr(horus.CompressedImage("png", b"ab")) == (
        "CompressedImage(format='png', data=[97, 98], width=0, height=0)")
    assert "data=<9 values>" in repr(horus.CompressedImage(data=bytes(9)))
    assert "grid=OccupancyGrid(width=1" in repr(horus.CostMap(horus.OccupancyGrid(1, 1)))


@EACH
def test_what_is_sent_is_received(message):
    topic = horus.Topic(type(message))
    assert topic.recv() is None and topic.send(message) and topic.wait(30)
    got = topic.recv()
    assert type(got) is type(message) and got == message and got is not message
    assert got.frame_id == message.frame_id if hasattr(message, "frame_id") else True


def test_received_arrays_own_their_memory():
    topic = horus.Topic("own", capacity=2)
    for value in range(5):
        topic.send(horus.CompressedImage(data=bytes([value] * 100)))
        assert topic.wait(30)
        got = topic.recv()
        kept = got.data
        assert kept.tolist() == [value] * 100
        kept[0] = 200
    assert kept.tolist() == [200] + [4] * 99


def test_a_topic_of_messages_takes_dicts_and_nothing_else():
    topic = horus.Topic(horus.OccupancyGrid)
    assert topic.recv() is None
    assert topic.send({"width": 1, "height": 2}) and topic.wait(30)
    got = topic.recv()
    assert (got.width, got.height) == (1, 2) and type(got) is horus.OccupancyGrid
    with pytest.raises(TypeError, match="carries OccupancyGrid, not CmdVel"):
        topic.send(horus.CmdVel(0, 0))
    loan = topic.loan(2, 1)
    assert (loan.width, loan.height) == (2, 1) and type(loan) is horus.OccupancyGrid


def test_a_message_of_ones_own_has_none_inside():
    with pytest.raises(ValueError, match="a type whose size varies inside of another"):
        horus.message("Holder", {"grid": horus.OccupancyGrid})


def test_a_message_beyond_the_topics_limit_is_refused():
    topic = horus.Topic(horus.CompressedImage, endpoint="limit")
    assert topic.send(horus.CompressedImage(data=bytes((1 << 20) - 64)))
    with pytest.raises(ValueError, match="message of 1048577 bytes is larger than the topic's "
                                         "limit of 1048576"):
        topic.send(horus.CompressedImage(data=bytes((1 << 20) - 63)))


def test_nodes_exchange_maps():
    assert prints("""
        import horus
        got = []
        def send(node):
            node.send("occupancy_grid", horus.OccupancyGrid(2, 2))
        def receive(node):
            got.extend(node.recv_all("occupancy_grid"))
            if len(got) > 5:
                node.request_stop()
        scheduler = horus.Scheduler()
        scheduler.add(horus.Node("sender", send, 50, pubs=horus.OccupancyGrid))
        scheduler.add(horus.Node("receiver", receive, 50, subs=horus.OccupancyGrid))
        scheduler.run(50)
        print(len(got) > 5, (got[0].width, got[0].height) == (2, 2))
    """) == ["True True"]


def test_a_cpp_process_answers_a_map_with_its_costs():
    with own_base() as environment:
        maker = [built("shm_child"), "cost-maker", environment["HORUS_BASE"], "map"]
        with Running(maker, environment) as running:
            until(lambda: "ready" in running.text(), "ready", running)
            done = run(program("""
                import horus
                maps, costs = horus.Topic("map"), horus.Topic("map/costs")
                assert costs.recv() is None
                grid = horus.OccupancyGrid(3, 1, 0.25)
                grid.data, grid.frame_id = [100, -1, 7], "hall"
                grid.timestamp_ns = 0  # The other process does not hand it on.
                while not costs.wait(0.05):  # Until the other process has found the new publisher.
                    maps.send(grid)
                got = costs.recv()
                print(got.occupancy_grid == grid, got.costs.tolist(), got.frame_id)
            """), environment)
    assert done.stdout.splitlines() == ["True [200, 255, 14] hall"], done.stderr


def horusctl(environment, *words):
    return run([built("horusctl"), "topic", *words], environment)


def test_horusctl_sends_what_python_receives():
    with own_base() as environment:
        done = horusctl(environment, "pub", "map", "--type", "OccupancyGrid",
                        '{"width": 2, "height": 2, "data": [1, 2, 3]}')
        assert done.returncode != 0 and "data has 3 elements; width x height is 4" in done.stderr
    with beside("""
        import horus
        topic = horus.Topic(horus.CostMap)
        topic.has_msg()
        print("ready", flush=True)
        topic.wait(30)
        got = topic.recv()
        print(got.data.tolist(), got.costs.tolist(), got.frame_id)
    """) as (peer, environment):
        until(lambda: "ready" in peer.text(), "ready", peer)
        done = horusctl(environment, "pub", "cost_map", json.dumps(
            {"grid": {"width": 2, "height": 1, "data": [100, -1], "frame_id": "map"},
             "costs": [253, 255]}))
        assert done.returncode == 0, done.stderr
        assert peer.wait() == 0, peer.text()
        assert peer.text().splitlines()[-1] == "[100, -1] [253, 255] map"


def test_horusctl_shows_what_python_sends():
    with beside("""
        import time, horus
        topic = horus.Topic(horus.TactileArray, endpoint="touch")
        touch = horus.TactileArray(1, 2)
        touch.forces = [0.5, 0.1]
        topic.send(touch)
        print("ready", flush=True)
        while True:
            topic.send(touch)
            time.sleep(0.02)
    """) as (peer, environment):
        until(lambda: "ready" in peer.text(), "ready", peer)
        done = horusctl(environment, "echo", "touch", "--once", "--json")
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["rows"], shown["cols"], shown["forces"]) == (1, 2, [0.5, 0.1])
