// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "pyhost/bind.hpp"
#include "pyhost/cpython.hpp"
#include "pyhost/image_object.hpp"
#include "pyhost/numpy_view.hpp"
#include "pyhost/session.hpp"
#include "pyhost/set_error.hpp"

namespace horus::py {
namespace {

/// Made by bind_image(), constant from then on.
constinit PyTypeObject* the_class = nullptr;

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
  constexpr long long kMaxSide = 1 << 16;
  if (height < 1 || width < 1 || height > kMaxSide || width > kMaxSide) {
    PyErr_Format(PyExc_ValueError, "an image of %lld x %lld pixels: a side is 1 to %lld", height,
                 width, kMaxSide);
    return nullptr;
  }
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto image = shared.value()->image(static_cast<std::uint32_t>(height),
                                     static_cast<std::uint32_t>(width), *encoding);
  if (!image) return set_error(image.error());
  return make_image(std::move(image).value(), std::move(shared).value());
}

void image_dealloc(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  ImageObject* const image = as_image(self);
  image->image.~Image();
  image->session.~shared_ptr();
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* image_repr(PyObject* self) noexcept {
  const ImageObject& image = *as_image(self);
  return PyUnicode_FromFormat("Image(height=%zd, width=%zd, encoding='%s'%s)", image.shape[0],
                              image.shape[1],
                              std::string(shm::info(image.image.encoding()).name).c_str(),
                              image.writable ? "" : ", read-only");
}

PyObject* image_numpy(PyObject* self, PyObject*) noexcept {
  return image_to_numpy(*as_image(self));
}

PyObject* image_copy(PyObject* self, PyObject*) noexcept {
  return copy_image(*as_image(self));
}

int refuse_buffer(Py_buffer* view, const char* why) noexcept {
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, why);
  return -1;
}

int image_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  ImageObject& image = *as_image(self);
  if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE && !image.writable) {
    return refuse_buffer(view, "a received image is read-only");
  }
  const bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  if (!strided && !image.packed) return refuse_buffer(view, "the image's rows are padded");
  const shm::Dtype dtype = shm::info(image.image.encoding()).dtype;
  static std::array<char, 2> bytes_format{"B"};
  static std::array<char, 2> words_format{"H"};
  static std::array<char, 2> floats_format{"f"};
  view->obj = Py_NewRef(self);
  view->buf = image.data;
  view->len = static_cast<Py_ssize_t>(image.size);
  view->readonly = image.writable ? 0 : 1;
  view->itemsize = static_cast<Py_ssize_t>(shm::size_of(dtype));
  view->format = nullptr;
  if ((flags & PyBUF_FORMAT) == PyBUF_FORMAT) {
    view->format = bytes_format.data();
    if (dtype == shm::Dtype::kU16) view->format = words_format.data();
    if (dtype == shm::Dtype::kF32) view->format = floats_format.data();
  }
  const bool shaped = (flags & PyBUF_ND) == PyBUF_ND;
  view->ndim = shaped ? image.dimensions : 1;
  view->shape = shaped ? image.shape.data() : nullptr;
  view->strides = strided ? image.strides.data() : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

PyMethodDef image_methods[] = {
    {"to_numpy", image_numpy, METH_NOARGS,
     "to_numpy()\n--\n\nThe pixels as an array of shape (height, width, channels), or (height,\n"
     "width) for one channel: a view without a copy, read-only for what was received."},
    {"copy", image_copy, METH_NOARGS, "copy()\n--\n\nA writable image with the same content."},
    {"__copy__", image_copy, METH_NOARGS, nullptr},
    {"__deepcopy__", image_copy, METH_O, nullptr},
    {"__dlpack_device__", image_dlpack_device, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

void lay_out(ImageObject& object) noexcept {
  const shm::EncodingInfo& encoding = shm::info(object.image.encoding());
  const auto value = static_cast<Py_ssize_t>(shm::size_of(encoding.dtype));
  const auto pixel = static_cast<Py_ssize_t>(encoding.channels) * value;
  const auto step = static_cast<Py_ssize_t>(object.image.step());
  const auto height = static_cast<Py_ssize_t>(object.image.height());
  const auto width = static_cast<Py_ssize_t>(object.image.width());
  object.dimensions = encoding.channels == 1 ? 2 : 3;
  object.shape = {height, width, encoding.channels};
  object.strides = {step, pixel, value};
  object.packed = step == width * pixel;
  object.size = static_cast<std::size_t>(height * width * pixel);
  object.writable = !object.image.read_only();
  // Views of a received frame are made read-only; the mapping is, too.
  object.data = object.writable ? object.image.writable().data()
                                : const_cast<std::byte*>(object.image.bytes().data());
}

}  // namespace

PyTypeObject* image_class() noexcept {
  return the_class;
}

PyObject* make_image(shm::Image image, std::shared_ptr<shm::Session> session) noexcept {
  auto* const object = PyObject_New(ImageObject, the_class);
  if (object == nullptr) return nullptr;
  new (&object->session) std::shared_ptr<shm::Session>{std::move(session)};
  new (&object->image) shm::Image{std::move(image)};
  lay_out(*object);
  return as_object(object);
}

PyObject* image_to_numpy(ImageObject& image) noexcept {
  ArrayShape shape{.shape = shape_of(image)};
  if (!image.packed) shape.strides = strides_of(image);
  return array_view(image.data, shm::info(image.image.encoding()).dtype, shape, as_object(&image),
                    image.writable);
}

PyObject* copy_image(const ImageObject& image) noexcept {
  auto made =
      image.session->image(image.image.height(), image.image.width(), image.image.encoding());
  if (!made) return set_error(made.error());
  shm::Image copy = std::move(made).value();
  const std::byte* from = image.data;
  std::byte* to = copy.writable().data();
  const auto row = static_cast<std::size_t>(image.shape[1] * image.strides[1]);
  for (Py_ssize_t y = 0; y < image.shape[0]; ++y, from += image.image.step(), to += copy.step()) {
    std::memcpy(to, from, row);
  }
  copy.set_timestamp_ns(image.image.timestamp_ns());
  copy.set_frame_id(image.image.frame_id());
  return make_image(std::move(copy), image.session);
}

void bind_image(pybind11::module_& module) {
  PyType_Slot slots[] = {
      {Py_tp_new, as_slot(image_new)},
      {Py_tp_dealloc, as_slot(image_dealloc)},
      {Py_tp_repr, as_slot(image_repr)},
      {Py_tp_methods, image_methods},
      {Py_tp_getset, image_properties()},
      {Py_bf_getbuffer, as_slot(image_buffer)},
      {Py_tp_doc, const_cast<char*>("Image(height, width, encoding='rgb8')\n--\n\n"
                                    "A frame in shared memory. Sending it moves a descriptor, "
                                    "no pixels.")},
      {0, nullptr}};
  PyType_Spec spec{"horus.Image", sizeof(ImageObject), 0, Py_TPFLAGS_DEFAULT, slots};
  the_class = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (the_class == nullptr) throw pybind11::error_already_set();
  const Ref dlpack{make_dlpack_descriptor()};
  if (!dlpack || PyObject_SetAttrString(as_object(the_class), "__dlpack__", dlpack.ptr()) < 0 ||
      PyModule_AddObjectRef(module.ptr(), "Image", as_object(the_class)) < 0) {
    throw pybind11::error_already_set();
  }
}

}  // namespace horus::py
