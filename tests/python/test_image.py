# SPDX-License-Identifier: Apache-2.0
"""Image objects: pixels in shared memory, seen as NumPy and others see them."""
import copy
import ctypes
import itertools
import pickle

import numpy as np
import pytest

import horus

_numbers = itertools.count()
ENCODINGS = {
    "mono8": (1, "uint8"), "mono16": (1, "uint16"), "rgb8": (3, "uint8"), "bgr8": (3, "uint8"),
    "rgba8": (4, "uint8"), "bgra8": (4, "uint8"), "yuv422": (2, "uint8"), "mono32f": (1, "float32"),
    "rgb32f": (3, "float32"), "bayer_rggb8": (1, "uint8"), "depth16": (1, "uint16")}


@pytest.fixture
def own():
    """An image of one's own with distinct pixels."""
    image = horus.Image.from_numpy(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    image.timestamp_ns, image.frame_id = 77, "camera"
    return image


@pytest.fixture
def received(own):
    """The same image, received."""
    topic = horus.Topic(horus.Image, endpoint=f"image/{next(_numbers)}")
    assert topic.send(own) and topic.wait(60)
    return topic.recv()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_image_has_the_form_of_its_encoding(encoding):
    channels, dtype = ENCODINGS[encoding]
    image = horus.Image(3, 5, encoding)
    shape = (3, 5) if channels == 1 else (3, 5, channels)
    size = np.dtype(dtype).itemsize
    assert (image.height, image.width, image.channels, image.dtype) == (3, 5, channels, dtype)
    assert (image.encoding, image.shape, image.read_only) == (encoding, shape, False)
    assert (image.step, image.nbytes, len(image)) == (5 * channels * size, 15 * channels * size, 3)
    assert (image.to_numpy().shape, image.to_numpy().dtype) == (shape, np.dtype(dtype))
    assert image.is_cpu() and not image.is_cuda() and image.to_cpu() is image
    assert repr(image) == f"Image(height=3, width=5, encoding='{encoding}')"


@pytest.mark.parametrize("arguments, error, says", [
    ((0, 1), ValueError, "0 x 1 pixels: a side is 1 to 65535"),
    ((1, -1), ValueError, "1 x -1 pixels"), ((70000, 1), ValueError, "70000 x 1"),
    ((1, 1, "cmyk"), ValueError, "unknown image encoding 'cmyk'"), (("1", 1), TypeError, "str"),
    ((1.5, 1), TypeError, "float"), ((1,), TypeError, "width"),
    ((60000, 60000), MemoryError, "shared memory")])
def test_an_image_that_cannot_be_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        horus.Image(*arguments)


@pytest.mark.parametrize("dtype, channels, encoding", [
    ("uint8", None, "mono8"), ("uint8", 1, "mono8"), ("uint8", 3, "rgb8"), ("uint8", 4, "rgba8"),
    ("uint16", None, "mono16"), ("float32", None, "mono32f"), ("float32", 3, "rgb32f")])
def test_the_encoding_follows_from_the_array(dtype, channels, encoding):
    array = np.arange(6 * (channels or 1)).astype(dtype).reshape((2, 3) + (channels or 1,) * bool(
        channels))
    image = horus.Image.from_numpy(array)
    assert image.encoding == encoding
    np.testing.assert_array_equal(image.to_numpy(), array.reshape(image.shape))


@pytest.mark.parametrize("make, says", [
    (lambda: horus.Image.from_numpy(np.zeros(3)), "2 or 3 dimensions, not 1"),
    (lambda: horus.Image.from_numpy(np.zeros((2, 2))), "1 channels of float64; name one"),
    (lambda: horus.Image.from_numpy(np.zeros((2, 2, 5), np.uint8)), "5 channels of uint8"),
    (lambda: horus.Image.from_numpy(np.zeros((2, 2, 3), np.uint8), "mono8"),
     "mono8 is 1 channels of uint8, the array has 3 of uint8"),
    (lambda: horus.Image.from_bytes(bytes(17), 2, 3), "17 bytes given, it has 18"),
    (lambda: horus.Image(2, 3).copy_from(np.zeros((3, 2, 3), np.uint8)), r"\(3, 2, 3\) of uint8"),
])
def test_pixels_that_do_not_fit_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_an_image_takes_pixels_from_bytes_arrays_and_images(own):
    raw = own.to_numpy().tobytes()
    assert (horus.Image.from_bytes(raw, 4, 5)[:] == own[:]).all()
    other = horus.Image(4, 5)
    other.copy_from(own)
    assert (other[:] == own[:]).all()
    mirrored = horus.Image.from_numpy(own[::-1])
    assert (mirrored[0] == own[3]).all()


def test_arrays_are_views_of_the_pixels(own):
    view = own.to_numpy()
    view[1, 2] = (7, 8, 9)
    assert own.pixel(2, 1) == [7, 8, 9]
    own.set_pixel(2, 1, (1, 2, 3))
    assert view[1, 2].tolist() == [1, 2, 3]
    own[0] = 5
    assert (view[0] == 5).all()
    own.roi(1, 2, 2, 2)[:] = 6
    assert (view[2:4, 1:3] == 6).all()
    own.fill((1, 2, 3))
    assert (view == (1, 2, 3)).all()
    del own
    assert (view == (1, 2, 3)).all()  # It holds the frame.


@pytest.mark.parametrize("call, error", [
    (lambda i: i.pixel(5, 0), IndexError), (lambda i: i.pixel(-1, 0), IndexError),
    (lambda i: i.set_pixel(0, 4, 1), IndexError), (lambda i: i.roi(4, 0, 2, 1), ValueError),
    (lambda i: i.roi(0, 0, 0, 1), ValueError), (lambda i: i.roi(-1, 0, 1, 1), ValueError)])
def test_what_lies_outside_is_refused(own, call, error):
    with pytest.raises(error):
        call(own)


@pytest.mark.parametrize("name, value, error, says", [
    ("frame_id", "x" * 32, ValueError, "Image.frame_id: 32 bytes, the capacity is 31"),
    ("frame_id", 3, TypeError, "Image.frame_id must be str, not int"),
    ("timestamp_ns", -1, ValueError, "Image.timestamp_ns: -1 does not fit into 64 bits"),
    ("timestamp_ns", 2 ** 64, ValueError, "does not fit into 64 bits"),
    ("timestamp_ns", "x", TypeError, "integer"), ("height", 3, AttributeError, "height")])
def test_an_attribute_that_does_not_fit_is_refused(own, name, value, error, says):
    with pytest.raises(error, match=says):
        setattr(own, name, value)


def test_a_received_image_is_the_sent_one_and_read_only(own, received):
    assert (received.timestamp_ns, received.frame_id) == (77, "camera")
    assert (received[:] == own[:]).all() and received.read_only
    assert repr(received) == "Image(height=4, width=5, encoding='rgb8', read-only)"
    assert not received.to_numpy().flags.writeable and memoryview(received).readonly
    for change in (lambda: received.fill(1), lambda: received.set_pixel(0, 0, 1),
                   lambda: setattr(received, "frame_id", "x"),
                   lambda: setattr(received, "timestamp_ns", 1)):
        with pytest.raises(ValueError, match="read-only"):
            change()
    with pytest.raises(ValueError):
        received.to_numpy().flags.writeable = True


@pytest.mark.parametrize("twin", [
    lambda i: i.copy(), copy.copy, copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))])
def test_a_copy_is_ones_own(own, received, twin):
    copied = twin(received)
    assert not copied.read_only and (copied.timestamp_ns, copied.frame_id) == (77, "camera")
    copied.fill(9)
    assert (received[:] == own[:]).all()


def test_a_received_image_is_sent_on_as_a_copy_of_ones_own(received):
    topic = horus.Topic(horus.Image, endpoint=f"image/{next(_numbers)}")
    assert topic.send(received) and topic.wait(60)
    assert (topic.recv()[:] == received[:]).all()


def test_the_buffer_and_the_array_interface_have_the_shape(own, received):
    view = memoryview(own)
    assert (view.shape, view.format, view.readonly) == ((4, 5, 3), "B", False)
    view[0, 0, 0] = 200
    assert own.pixel(0, 0)[0] == 200
    for image in (own, received):
        interface = image.__array_interface__
        assert (interface["shape"], interface["typestr"]) == ((4, 5, 3), "|u1")
        assert interface["data"] == (image.to_numpy().ctypes.data, image.read_only)
    assert np.array(received).flags.writeable


def name_of(capsule):
    function = ctypes.pythonapi.PyCapsule_GetName
    function.restype, function.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return function(capsule)


class Header(ctypes.Structure):
    """The start of a DLManagedTensorVersioned. Source: dlpack.h, version 1.0."""
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32),
                ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p),
                ("flags", ctypes.c_uint64), ("data", ctypes.c_void_p)]


def header_of(capsule):
    function = ctypes.pythonapi.PyCapsule_GetPointer
    function.restype, function.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return Header.from_address(function(capsule, b"dltensor_versioned"))


def test_a_new_consumer_is_told_what_is_read_only(own, received):
    for image, flags in ((own, 0), (received, 1)):
        capsule = image.__dlpack__(max_version=(1, 0))
        header = header_of(capsule)
        assert (header.major, header.flags) == (1, flags)
        assert header.data == image.to_numpy().ctypes.data
    copied = header_of(received.__dlpack__(max_version=(1, 1), copy=True))
    assert copied.flags == 2 and copied.data != received.to_numpy().ctypes.data
    assert received.__dlpack_device__() == (1, 0)


def test_an_old_consumer_gets_ones_own_images_only(own, received):
    assert name_of(own.__dlpack__()) == b"dltensor"
    assert name_of(received.__dlpack__(copy=True)) == b"dltensor"
    for arguments in ({}, {"max_version": (0, 8)}, {"copy": False}, {"dl_device": (1, 0)}):
        with pytest.raises(BufferError, match=r"pass it the \.copy\(\)"):
            received.__dlpack__(**arguments)


def test_numpy_takes_a_received_image_as_read_only(own, received):
    for image in (own, received):
        array = np.from_dlpack(image)
        assert array.ctypes.data == image.to_numpy().ctypes.data
        assert (array == own[:]).all()
    assert not array.flags.writeable


@pytest.mark.parametrize("arguments, error", [
    ({"dl_device": (2, 0)}, BufferError), ({"stream": 1}, BufferError),
    ({"max_version": 1}, TypeError), ({"dl_device": "cpu"}, TypeError), ({"x": 1}, TypeError)])
def test_what_dlpack_cannot_do_is_refused(own, arguments, error):
    with pytest.raises(error):
        own.__dlpack__(**arguments)
