// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/payload.hpp>
#include <horus/topic.hpp>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "shm/payload_state.hpp"

namespace horus::py {

class PayloadClass;

/// An image, point cloud, depth image or tensor as a Python object. Its elements lie in a block of
/// shared memory; only a tensor may instead refer to the memory of a NumPy array.
///
/// An object that is sent gives its block away (see renew()), so live views of that block matter:
/// with a writable view alive, sending copies. Views hold the `keeper`, by whose reference count
/// they are noticed.
///
/// Thread safety: with the GIL, as everything in this header.
struct PayloadObject {
  PyObject_HEAD const PayloadClass* kind;
  std::shared_ptr<shm::Session> session;  ///< Must outlive the block.
  shm::Payload payload;                   ///< The block; empty for a tensor in an array's memory.
  PyObject* owner;                        ///< The array that holds the memory; null: the block.
  PyObject* keeper;  ///< Held by all views; null before the first. See keeper_of().
  PyObject* weak_references;
  std::byte* data;   ///< The first element; null once released.
  std::size_t size;  ///< Bytes of all elements.
  shm::Dtype dtype;
  bool writable;   ///< True for what this process made, false for what was received.
  bool packed;     ///< The elements are in C order without gaps.
  bool loaned;     ///< Made by Topic.loan(). A tensor that is loaned is moved when it is sent.
  bool exposed;    ///< Its address was given out: there may be a view that holds no keeper.
  int dimensions;  ///< How many entries of the next two count.
  std::array<Py_ssize_t, shm::kMaxDimensions> shape;
  std::array<Py_ssize_t, shm::kMaxDimensions> strides;  ///< Bytes.
};

inline PayloadObject* as_payload(PyObject* object) noexcept {
  return reinterpret_cast<PayloadObject*>(object);
}
inline std::span<const Py_ssize_t> shape_of(const PayloadObject& object) noexcept {
  return {object.shape.data(), static_cast<std::size_t>(object.dimensions)};
}
inline std::span<const Py_ssize_t> strides_of(const PayloadObject& object) noexcept {
  return {object.strides.data(), static_cast<std::size_t>(object.dimensions)};
}
/// The descriptor in the object's block, which must be of that type.
template <typename Descriptor>
Descriptor& descriptor_of(PyObject* self) noexcept {
  return as_payload(self)->payload.state()->as<Descriptor>();
}

/// One of the four Python classes: the parts that all share, and what a Spec adds.
class PayloadClass {
 public:
  struct Spec {
    const char* name;  ///< "horus.Image"
    const char* doc;
    const shm::PayloadKind& kind;
    newfunc construct;  ///< tp_new
    reprfunc repr;      ///< tp_repr
    std::span<const PyMethodDef> methods;
    std::span<const PyGetSetDef> properties;
  };
  explicit PayloadClass(const Spec& spec);
  PayloadClass(const PayloadClass&) = delete;
  PayloadClass& operator=(const PayloadClass&) = delete;

  /// Makes the class. False with a Python exception set.
  bool make();

  /// The Python class; null before make().
  PyTypeObject* python() const noexcept { return python_; }
  const shm::PayloadKind& kind() const noexcept { return spec_.kind; }
  const char* name() const noexcept { return name_.c_str(); }  ///< "Image"
  /// Tensors are the only kind without a frame id and a time stamp.
  bool is_tensor() const noexcept { return spec_.kind.frame_id_at == 0; }

 private:
  Spec spec_;
  std::string name_;
  std::vector<PyMethodDef> methods_;
  std::vector<PyGetSetDef> properties_;
  PyTypeObject* python_ = nullptr;
};

// The four classes. Each is made in C++ at the first call; bind_payloads() makes its Python class.
PayloadClass& image_class();
PayloadClass& point_cloud_class();
PayloadClass& depth_image_class();
PayloadClass& tensor_class();
/// The class, by its Python class or its name ("Image"); null where there is none.
const PayloadClass* find_payload_class(const PyTypeObject* python) noexcept;
const PayloadClass* find_payload_class(std::string_view name) noexcept;

// All functions that return a PyObject* return a new reference, or null with an exception set.

/// A Python object for `payload`, read-only if that is.
PyObject* make_payload_object(const PayloadClass& kind, shm::Payload payload,
                              std::shared_ptr<shm::Session> session) noexcept;
/// A tensor over the memory of `array`, described by `info`. If that memory lies in `source`'s
/// block, the tensor shares the block; otherwise it holds the array.
PyObject* view_of_array(const PayloadObject& source, PyObject* array,
                        const ArrayInfo& info) noexcept;
/// For Topic.loan(): a tensor whose elements are not set.
PyObject* loan_tensor(PyObject* values, PyObject* names) noexcept;
/// A NumPy view of the elements; read-only for a received object.
PyObject* payload_to_numpy(PayloadObject& object) noexcept;
/// A writable copy in a block of its own.
PyObject* copy_payload_object(const PayloadObject& object) noexcept;
enum class Content : bool { kSame, kUnset };
/// A copy in a free block, with stamp and frame id. With kUnset its elements are not set, and the
/// caller must set each of them. May drop the GIL while the pool grows.
Result<shm::Payload> copy_of(const PayloadObject& object, Content content = Content::kSame);
/// Call before anything is written to the object. If its block was sent, receivers may be reading
/// it: the object then goes on with a copy in a free block. False with an exception set.
bool renew(PayloadObject& object, Content content = Content::kSame) noexcept;
/// Whether the object's memory may still be written other than through the object: by a view, or by
/// a tensor that shares the block.
bool is_exported(const PayloadObject& object) noexcept;
/// The object that each view of this one's memory must hold: a second handle of the same memory. It
/// stays valid when this object is renewed or released.
PyObject* keeper_of(PayloadObject& object) noexcept;
/// False for an object that was released, with horus.Released set, which is a RuntimeError and a
/// ValueError.
bool usable(const PayloadObject& object) noexcept;
/// A getter that checks usable() first.
template <auto Get>
PyObject* if_usable(PyObject* self, void* closure) noexcept {
  return usable(*as_payload(self)) ? Get(self, closure) : nullptr;
}
/// Whether an attribute may be set. Otherwise false, with ValueError set for a received object,
/// TypeError for a deletion (`value` null), and as usable().
bool may_set(PyObject* self, PyObject* value, const char* attribute) noexcept;

enum class Sent : std::int8_t { kError = -1, kRefused = 0, kMoved = 1, kCopied = 2 };
/// Sends the object. kMoved: its block was handed over. kCopied: a copy was sent, since a view of
/// it may still write, or it is a tensor that was not loaned. kRefused: no block is free for the
/// copy, or the topic is full. kError: an exception is set.
Sent send_payload_object(shm::PayloadPublisher& publisher, PayloadObject& object) noexcept;

/// Whether both sides are 1 to 65,535 pixels; otherwise false with ValueError set.
bool check_sides(const char* what, long long height, long long width) noexcept;
/// Reads "float32", "<f4", numpy.float32 or a numpy.dtype. False with ValueError or TypeError set.
bool read_dtype(PyObject* value, shm::Dtype& dtype) noexcept;
/// A str; bytes that are no UTF-8 become U+FFFD.
PyObject* text_object(std::string_view text) noexcept;

/// `__dlpack__` (DLPack 1.0, and the older capsule) as a descriptor for every class (dlpack.cpp).
PyObject* make_dlpack_descriptor() noexcept;
/// `__dlpack_device__`: always the CPU.
PyObject* payload_dlpack_device(PyObject* self, PyObject*) noexcept;

/// Getters and setters that all four classes have: shape, dtype, ... (properties.cpp). Those of the
/// time stamp and the frame id are separate, as tensors have neither.
std::span<const PyGetSetDef> shared_properties() noexcept;
std::span<const PyGetSetDef> stamp_properties() noexcept;

/// Adds `Image`, `PointCloud`, `DepthImage` and `Tensor`.
void bind_payloads(pybind11::module_& module);

/// The end of a constructor: the object for `made`, or its error as an exception.
template <typename P>
PyObject* constructed(const PayloadClass& kind, Result<P> made,
                      std::shared_ptr<shm::Session> session) noexcept {
  if (!made) return set_error(made.error());
  return make_payload_object(kind, std::move(made).value(), std::move(session));
}

}  // namespace horus::py
