// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include <horus/image.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"

namespace horus::py {
namespace {

shm::Encoding encoding_of(PyObject* self) noexcept {
  return static_cast<shm::Encoding>(descriptor_of<msg::ImageDescriptor>(self).encoding);
}

PyObject* image_new(PyTypeObject*, PyObject* values, PyObject* names) noexcept {
  static const std::array<const char*, 4> kNames{"height", "width", "encoding", nullptr};
  long long height = 0;
  long long width = 0;
  const char* encoding_name = "rgb8";
  if (PyArg_ParseTupleAndKeywords(values, names, "LL|s:Image", const_cast<char**>(kNames.data()),
                                  &height, &width, &encoding_name) == 0) {
    return nullptr;
  }
  const auto encoding = shm::parse_encoding(encoding_name);
  if (!encoding) {
    PyErr_Format(PyExc_ValueError, "unknown image encoding '%s'", encoding_name);
    return nullptr;
  }
  if (!check_sides("image", height, width)) return nullptr;
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto image = shm::Image::make(*shared.value(), static_cast<std::uint32_t>(height),
                                static_cast<std::uint32_t>(width), *encoding);
  if (!image) return set_error(image.error());
  return make_payload_object(image_class(), std::move(image).value(), std::move(shared).value());
}

PyObject* image_repr(PyObject* self) noexcept {
  const PayloadObject& image = *as_payload(self);
  if (!image.payload) return PyUnicode_FromString("Image(released)");
  return PyUnicode_FromFormat(
      "Image(height=%zd, width=%zd, encoding='%s'%s)", image.shape[0], image.shape[1],
      std::string(shm::info(encoding_of(self)).name).c_str(), image.writable ? "" : ", read-only");
}

PyObject* get_height(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[0]);
}
PyObject* get_width(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[1]);
}
PyObject* get_channels(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyLong_FromLong(shm::info(encoding_of(self)).channels);
}
PyObject* get_encoding(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return text_object(shm::info(encoding_of(self)).name);
}
PyObject* get_step(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->strides[0]);
}

constexpr std::array<PyGetSetDef, 5> kImageProperties{
    {{"height", if_usable<get_height>, nullptr, "Rows.", nullptr},
     {"width", if_usable<get_width>, nullptr, "Pixels of a row.", nullptr},
     {"channels", get_channels, nullptr, "Values of a pixel.", nullptr},
     {"encoding", get_encoding, nullptr, "'rgb8', 'mono8', ...", nullptr},
     {"step", if_usable<get_step>, nullptr, "Bytes from one row to the next.", nullptr}}};

}  // namespace

bool check_sides(const char* what, long long height, long long width) noexcept {
  constexpr long long kMaxSide = 65'535;
  if (height >= 1 && width >= 1 && height <= kMaxSide && width <= kMaxSide) return true;
  PyErr_Format(PyExc_ValueError, "%s of %lld x %lld pixels: a side is 1 to %lld", what, height,
               width, kMaxSide);
  return false;
}

PayloadClass& image_class() {
  static PayloadClass& the_class = *new PayloadClass{
      {.name = "horus.Image",
       .doc = "Image(height, width, encoding='rgb8')\n--\n\n"
              "A camera's frame in shared memory, of shape (height, width, channels), or (height,\n"
              "width) for one channel. Sending it moves a descriptor, no pixels.",
       .kind = shm::Image::kind(),
       .construct = image_new,
       .repr = image_repr,
       .methods = {},
       .properties = kImageProperties}};
  return the_class;
}

}  // namespace horus::py
