# SPDX-License-Identifier: Apache-2.0
"""What images, point clouds, depth images and tensors have in common, and the first three's own."""
import copy
import itertools
import pickle

import numpy as np
import pytest

import horus
from snippet import prints

_numbers = itertools.count()
MAKE = {
    "Image": lambda: horus.Image.from_numpy(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)),
    "PointCloud": lambda: horus.PointCloud.from_numpy(
        np.arange(20, dtype=np.float32).reshape(5, 4)),
    "DepthImage": lambda: horus.DepthImage.from_numpy(
        np.arange(12, dtype=np.uint16).reshape(3, 4)),
    "Tensor": lambda: horus.Tensor.from_numpy(np.arange(24, dtype=np.int64).reshape(2, 3, 4))}
STAMPED = [name for name in MAKE if name != "Tensor"]
kinds = pytest.mark.parametrize("kind", MAKE)
stamped_kinds = pytest.mark.parametrize("kind", STAMPED)


def through_a_topic(sent):
    topic = horus.Topic(type(sent), endpoint=f"payload/{next(_numbers)}")
    assert topic.send(sent) is True and topic.wait(60)
    return topic.recv()


@pytest.fixture
def own(kind):
    return MAKE[kind]()


@pytest.fixture
def received(own):
    return through_a_topic(own)


@kinds
def test_what_is_received_is_what_was_sent_and_read_only(own, received):
    array = received.to_numpy()
    assert type(received) is type(own) and received.read_only and not own.read_only
    assert (received.shape, received.dtype, received.nbytes) == (
        own.shape, own.dtype, own.to_numpy().nbytes)
    np.testing.assert_array_equal(array, own.to_numpy())
    assert not array.flags.writeable and memoryview(received).readonly
    for change in (lambda: received.fill(1), lambda: received.__setitem__(0, 1),
                   lambda: received.copy_from(own), lambda: array.__setitem__(0, 1)):
        with pytest.raises(ValueError, match="read-only"):
            change()
    assert repr(received) == repr(own)[:-1] + ", read-only)"


@kinds
@pytest.mark.parametrize("twin", [
    lambda i: i.copy(), copy.copy, copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))])
def test_a_copy_is_ones_own(own, received, twin):
    copied = twin(received)
    assert type(copied) is type(own) and not copied.read_only
    np.testing.assert_array_equal(copied.to_numpy(), own.to_numpy())
    copied.fill(1)
    np.testing.assert_array_equal(received.to_numpy(), own.to_numpy())


@kinds
def test_every_way_to_look_at_it_is_the_same_memory(own, received):
    for payload in (own, received):
        address = payload.to_numpy().ctypes.data
        assert np.from_dlpack(payload).ctypes.data == address
        assert np.asarray(payload).ctypes.data == address
        interface = payload.__array_interface__
        assert interface["data"] == (address, payload.read_only)
        assert (interface["shape"], np.dtype(interface["typestr"])) == (
            payload.shape, payload.to_numpy().dtype)
        assert payload.is_cpu() and not payload.is_cuda() and payload.to_cpu() is payload
        assert len(payload) == payload.shape[0]
    assert not np.from_dlpack(received).flags.writeable
    with pytest.raises(BufferError, match=r"pass it the \.copy\(\)"):
        received.__dlpack__()


@kinds
def test_sending_a_received_one_on_copies_it(own, received):
    again = through_a_topic(received)
    np.testing.assert_array_equal(again.to_numpy(), own.to_numpy())
    assert again.to_numpy().ctypes.data != received.to_numpy().ctypes.data


@kinds
def test_a_topic_of_one_kind_takes_no_other(kind, own):
    topic = horus.Topic(type(own), endpoint=f"payload/{next(_numbers)}")
    other = horus.Image(1, 1) if kind != "Image" else horus.Tensor(1)
    for wrong in (other, {}, horus.CmdVel(1, 2)):
        with pytest.raises(TypeError, match=f"carries {kind}, not"):
            topic.send(wrong)
    with pytest.raises(TypeError, match=f"carries {kind}, asked for"):
        horus.Topic(type(other), endpoint=topic.name)
    assert not topic.is_generic


@kinds
def test_the_first_send_decides_what_a_topic_carries(own):
    topic, reader = horus.Topic(name := f"payload/{next(_numbers)}"), horus.Topic(name)
    assert topic.send(own) and reader.wait(60)
    assert type(reader.recv()) is type(own)


@pytest.mark.parametrize("kind, topic", [
    ("Image", "image"), ("PointCloud", "pointcloud"), ("DepthImage", "depthimage"),
    ("Tensor", "tensor")])
def test_a_bare_type_has_its_own_topic(kind, topic):
    assert horus.Node(pubs=[getattr(horus, kind)]).publishers() == [topic]
    assert horus.Topic(getattr(horus, kind)).name == topic


@kinds
def test_a_loan_is_filled_in_place_and_sent_without_a_copy(kind, own):
    topic = horus.Topic(type(own), endpoint=f"payload/{next(_numbers)}")
    arguments = {"Image": (4, 5), "PointCloud": (5, 4), "DepthImage": (3, 4, "uint16"),
                 "Tensor": ((2, 3, 4), "int64")}[kind]
    loan = topic.loan(*arguments)
    assert (type(loan), loan.shape, loan.dtype) == (type(own), own.shape, own.dtype)
    loan.copy_from(own)
    before = horus.Tensor._wrap(loan.to_numpy(), loan).to_descriptor()
    assert topic.send(loan) and topic.wait(60)
    received = topic.recv()
    np.testing.assert_array_equal(received.to_numpy(), own.to_numpy())
    # The same block of the same pool, or a copy on the receiving side.
    view = horus.Tensor._wrap(received.to_numpy(), received)
    assert view.pool_id is None or view.to_descriptor()[:16] == before[:16]
    again = topic.loan(received)
    again.fill(0)
    np.testing.assert_array_equal(received.to_numpy(), own.to_numpy())


def test_a_message_is_loaned_by_its_constructor():
    topic = horus.Topic(horus.LaserScan, endpoint=f"payload/{next(_numbers)}")
    scan = topic.loan(angle_min=-1.0)
    scan.ranges[:] = 2.0
    assert topic.send(scan) and topic.wait(60)
    assert topic.recv() == scan and scan.angle_min == -1.0
    with pytest.raises(TypeError, match="nothing to loan"):
        horus.Topic(dict, endpoint=f"payload/{next(_numbers)}").loan()


def test_a_node_sends_and_receives_every_kind():
    assert prints("""
        import numpy as np, horus
        kinds = {"image": horus.Image, "cloud": horus.PointCloud, "depth": horus.DepthImage,
                 "tensor": horus.Tensor}
        makers = {"image": lambda: horus.Image(2, 3), "cloud": lambda: horus.PointCloud(4),
                  "depth": lambda: horus.DepthImage(2, 2), "tensor": lambda: horus.Tensor((2, 2))}
        seen = set()
        def produce(node):
            for name, make in makers.items():
                node.send(name, make())
        def consume(node):
            for name in kinds:
                if (got := node.recv(name)) is not None:
                    seen.add((name, type(got).__name__, got.shape))
            if len(seen) == 4:
                node.request_stop()
        horus.run(horus.Node("source", produce, 50, pubs=kinds),
                  horus.Node("sink", consume, 50, subs=kinds, order=1), duration=30)
        print(sorted(seen))
    """) == [str(sorted([("image", "Image", (2, 3, 3)), ("cloud", "PointCloud", (4, 3)),
                         ("depth", "DepthImage", (2, 2)), ("tensor", "Tensor", (2, 2))]))]


@stamped_kinds
def test_stamp_and_frame_arrive_and_are_checked(kind, own):
    own.timestamp_ns, own.frame_id = 77, "sensor"
    received = through_a_topic(own)
    for twin in (received, received.copy(), pickle.loads(pickle.dumps(received))):
        assert (twin.timestamp_ns, twin.frame_id) == (77, "sensor")
    with pytest.raises(ValueError, match=f"{kind}.frame_id: 32 bytes, the capacity is 31"):
        own.frame_id = "x" * 32
    with pytest.raises(ValueError, match=f"a received {kind} is read-only"):
        received.frame_id = "x"


@stamped_kinds
def test_a_tensor_over_it_is_the_same_memory(own, received):
    tensor = own.as_tensor()
    assert (tensor.shape, tensor.dtype) == (own.shape, own.dtype)
    tensor[0] = 1
    assert (own.to_numpy()[0] == 1).all()
    assert received.as_tensor().read_only
    del own
    assert (tensor.numpy()[0] == 1).all()


# Point clouds


def test_a_cloud_has_points_and_fields():
    cloud = horus.PointCloud(10)
    assert (cloud.point_count, cloud.fields_per_point, cloud.shape) == (10, 3, (10, 3))
    assert (cloud.dtype, cloud.field_names, cloud.is_dense) == ("float32", ("x", "y", "z"), False)
    assert repr(cloud) == "PointCloud(num_points=10, fields=3, dtype='float32')"
    assert horus.PointCloud(0).to_numpy().shape == (0, 3)
    assert horus.PointCloud(2, dtype=np.float64).dtype == "float64"
    assert horus.PointCloud(2, dtype=np.dtype("<i2")).dtype == "int16"


@pytest.mark.parametrize("fields, xyz, intensity, color", [
    (3, True, False, False), (4, False, True, False), (6, False, False, True),
    (7, False, True, True), (2, False, False, False), (8, False, False, False)])
def test_a_cloud_says_what_its_points_have(fields, xyz, intensity, color):
    cloud = horus.PointCloud(1, fields)
    assert (cloud.is_xyz(), cloud.has_intensity(), cloud.has_color()) == (xyz, intensity, color)


def test_fields_may_be_named():
    cloud = horus.PointCloud(2, 5)
    cloud.field_names = ["x", "y", "z", "i", "rgb"]
    cloud.is_dense = True
    received = through_a_topic(cloud)
    for twin in (received, received.copy(), pickle.loads(pickle.dumps(received))):
        assert twin.field_names == ("x", "y", "z", "i", "rgb") and twin.is_dense
        assert twin.has_intensity() and twin.has_color()


@pytest.mark.parametrize("names, error, says", [
    (["x"], ValueError, "1 names for 3 fields"),
    (["x", "y", "four"], ValueError, r"field_names\[2\]: 4 bytes, it has 1 to 3"),
    (["x", "y", ""], ValueError, "0 bytes"), (["x", "y", 3], TypeError, "str"),
    (3, TypeError, "sequence")])
def test_names_that_do_not_fit_are_refused(names, error, says):
    cloud = horus.PointCloud(1)
    with pytest.raises(error, match=says):
        cloud.field_names = names
    assert cloud.field_names == ("x", "y", "z")


@pytest.mark.parametrize("make, error, says", [
    (lambda: horus.PointCloud(-1), ValueError, "0 to 1073741824 points"),
    (lambda: horus.PointCloud(1, 9), ValueError, "1 to 8 fields"),
    (lambda: horus.PointCloud(1, 3, "float"), ValueError, "unknown dtype 'float'"),
    (lambda: horus.PointCloud(1, 3, 5), TypeError, "dtype must be a str or a NumPy dtype, not int"),
    (lambda: horus.PointCloud(1 << 30), MemoryError, "1 GiB"),
    (lambda: horus.PointCloud.from_numpy(np.zeros(3)), ValueError, "2 dimensions"),
    (lambda: horus.PointCloud.from_numpy(np.zeros((2, 3), complex)), ValueError, "complex128"),
    (lambda: horus.PointCloud(3).point_at(3), IndexError, "point 3 of a cloud of 3"),
    (lambda: horus.PointCloud(3).point_at(-1), IndexError, "point -1")])
def test_a_cloud_that_cannot_be_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_point_is_a_list():
    cloud = MAKE["PointCloud"]()
    assert cloud.point_at(1) == [4.0, 5.0, 6.0, 7.0] and cloud[4, 0] == 16.0


# Depth images


def test_depth_is_in_metres_whatever_the_pixels_are():
    meters, millimeters = horus.DepthImage(2, 3), horus.DepthImage(2, 3, "uint16")
    assert meters.is_meters() and not meters.is_millimeters()
    assert millimeters.is_millimeters() and not millimeters.is_meters()
    for image in (meters, millimeters):
        image.fill(0)
        image.set_depth(2, 1, 1.5)
        assert image.get_depth(2, 1) == 1.5 and image.get_depth(0, 0) == 0.0
    assert (meters[1, 2], millimeters[1, 2]) == (1.5, 1500)
    millimeters.depth_scale = 0.5
    assert millimeters.get_depth(2, 1) == 0.75
    millimeters.set_depth(2, 1, 1.0)
    assert millimeters[1, 2] == 2000


def test_statistics_are_of_what_was_measured():
    image = horus.DepthImage.from_numpy(np.array([[0, np.nan, 1.0], [np.inf, -1.0, 3.0]]))
    assert image.dtype == "float32" and image.depth_statistics() == (1.0, 3.0, 2.0)
    image.fill(0)
    assert image.depth_statistics() is None
    raw = horus.DepthImage.from_numpy(np.array([[0, 500, 1500]], np.uint16))
    assert raw.depth_statistics() == (0.5, 1.5, 1.0)


def test_scale_and_range_arrive_and_are_checked():
    image = horus.DepthImage(1, 1, "uint16")
    assert (image.depth_scale, image.min_depth, image.max_depth) == (1.0, 200, 10000)
    image.depth_scale, image.min_depth, image.max_depth = 0.25, 100, 65535
    received = through_a_topic(image)
    for twin in (received, received.copy(), pickle.loads(pickle.dumps(received))):
        assert (twin.depth_scale, twin.min_depth, twin.max_depth) == (0.25, 100, 65535)
    for name, value in (("depth_scale", 0), ("depth_scale", float("nan")), ("min_depth", -1),
                        ("max_depth", 65536)):
        with pytest.raises(ValueError, match=f"DepthImage.{name}"):
            setattr(image, name, value)


@pytest.mark.parametrize("make, error, says", [
    (lambda: horus.DepthImage(0, 1), ValueError, "a side is 1 to 65535"),
    (lambda: horus.DepthImage(1, 1, "uint8"), ValueError, "float32 or uint16"),
    (lambda: horus.DepthImage.from_numpy(np.zeros((2, 2), np.int32)), ValueError, "not int32"),
    (lambda: horus.DepthImage.from_numpy(np.zeros(2)), ValueError, "2 dimensions"),
    (lambda: horus.DepthImage(2, 3).get_depth(3, 0), IndexError, r"pixel \(3, 0\)"),
    (lambda: horus.DepthImage(2, 3).set_depth(0, 2, 1), IndexError, "2"),
    (lambda: horus.DepthImage(1, 1, "uint16").set_depth(0, 0, 66.0), ValueError, "0 to 65.535 m"),
    (lambda: horus.DepthImage(1, 1, "uint16").set_depth(0, 0, float("nan")), ValueError, "nan")])
def test_a_depth_that_cannot_be_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()
