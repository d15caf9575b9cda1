# SPDX-License-Identifier: Apache-2.0
"""What an Image does through NumPy. Importing this module adds it to the class."""
from ._horus import Image

_BY_SHAPE = {
    ("uint8", 1): "mono8",
    ("uint8", 3): "rgb8",
    ("uint8", 4): "rgba8",
    ("uint16", 1): "mono16",
    ("float32", 1): "mono32f",
    ("float32", 3): "rgb32f",
}


def _from_numpy(array, encoding=None):
    """An image with the array's pixels: (height, width) or (height, width, channels).

    The encoding follows from dtype and channels unless it is given.
    """
    import numpy as np

    array = np.asarray(array)
    if array.ndim not in (2, 3):
        raise ValueError(f"an image has 2 or 3 dimensions, not {array.ndim}")
    channels = array.shape[2] if array.ndim == 3 else 1
    if encoding is None:
        encoding = _BY_SHAPE.get((array.dtype.name, channels))
        if encoding is None:
            raise ValueError(f"no encoding has {channels} channels of {array.dtype}; name one")
    image = Image(array.shape[0], array.shape[1], encoding)
    if channels != image.channels or array.dtype.name != image.dtype:
        raise ValueError(
            f"{encoding} is {image.channels} channels of {image.dtype}, "
            f"the array has {channels} of {array.dtype}"
        )
    view = image.to_numpy()
    view[...] = array.reshape(view.shape)
    return image


def _from_bytes(data, height, width, encoding="rgb8"):
    """An image from its bytes, row after row without gaps."""
    image = Image(height, width, encoding)
    image.copy_from(data)
    return image


def _copy_from(self, source):
    """Takes over the pixels of an array, an image, or bytes of the same size."""
    import numpy as np

    view = self.to_numpy()
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = np.frombuffer(source, dtype=view.dtype)
        if source.size != view.size:
            raise ValueError(f"{source.nbytes} bytes given, the image has {self.nbytes}")
        source = source.reshape(view.shape)
    source = np.asarray(source)
    if source.shape != view.shape or source.dtype != view.dtype:
        raise ValueError(
            f"{source.shape} of {source.dtype} given, the image is {view.shape} of {view.dtype}"
        )
    view[...] = source


def _pixel(self, x, y):
    """The values of one pixel, as a list."""
    if not (0 <= x < self.width and 0 <= y < self.height):
        raise IndexError(f"pixel ({x}, {y}) of an image of {self.width} x {self.height}")
    return self.to_numpy()[y, x].reshape(-1).tolist()


def _set_pixel(self, x, y, value):
    """Sets one pixel to a value, or to one for each channel."""
    if not (0 <= x < self.width and 0 <= y < self.height):
        raise IndexError(f"pixel ({x}, {y}) of an image of {self.width} x {self.height}")
    self.to_numpy()[y, x] = value


def _fill(self, value):
    """Sets every pixel to a value, or to one for each channel."""
    self.to_numpy()[...] = value


def _roi(self, x, y, width, height):
    """A view of a rectangle, without a copy."""
    if x < 0 or y < 0 or width < 1 or height < 1:
        raise ValueError(f"no rectangle: x={x}, y={y}, width={width}, height={height}")
    if x + width > self.width or y + height > self.height:
        raise ValueError(f"the rectangle leaves the image of {self.width} x {self.height}")
    return self.to_numpy()[y : y + height, x : x + width]


def _rebuild(data, height, width, encoding, timestamp_ns, frame_id):
    image = _from_bytes(data, height, width, encoding)
    image.timestamp_ns, image.frame_id = timestamp_ns, frame_id
    return image


def _reduce(self):
    pixels = self.to_numpy().tobytes()
    return _rebuild, (
        pixels, self.height, self.width, self.encoding, self.timestamp_ns, self.frame_id)


Image.from_numpy = staticmethod(_from_numpy)
Image.from_bytes = staticmethod(_from_bytes)
Image.copy_from = _copy_from
Image.pixel = _pixel
Image.set_pixel = _set_pixel
Image.fill = _fill
Image.roi = _roi
Image.is_cpu = lambda self: True
Image.is_cuda = lambda self: False
Image.to_cpu = lambda self: self
Image.__getitem__ = lambda self, index: self.to_numpy()[index]
Image.__setitem__ = lambda self, index, value: self.to_numpy().__setitem__(index, value)
Image.__len__ = lambda self: self.height
Image.__reduce__ = _reduce
