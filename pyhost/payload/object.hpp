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

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "shm/payload.hpp"
#include "shm/payload_state.hpp"
#include "shm/session.hpp"

namespace horus::py {

class PayloadClass;

/// An image, point cloud, depth image or tensor as a Python object; where its elements lie is kept
/// in the form that views need.
struct PayloadObject {
  PyObject_HEAD const PayloadClass* kind;
  std::shared_ptr<shm::Session> session;  ///< Outlives the block.
  shm::Payload payload;                   ///< Empty for a tensor in an array's memory.
  PyObject* owner;                        ///< That array; else null.
  PyObject* keeper;  ///< What writable views of one's own hold: alone, none of them is alive.
  PyObject* weak_references;
  std::byte* data;   ///< Null once released.
  std::size_t size;  ///< Bytes of all elements.
  shm::Dtype dtype;
  bool writable;  ///< One's own; what was received is not.
  bool packed;    ///< In C order without a gap.
  bool loaned;    ///< A tensor made by Topic.loan(): sending it moves it.
  bool exposed;   ///< Its address was given away: a view of it may be alive that nobody counts.
  int dimensions;
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
/// The descriptor of an object whose class carries that type.
template <typename Descriptor>
Descriptor& descriptor_of(PyObject* self) noexcept {
  return as_payload(self)->payload.state()->as<Descriptor>();
}

/// One of the four Python classes: what they share, and what a Spec adds.
class PayloadClass {
 public:
  struct Spec {
    const char* name;  ///< "horus.Image"
    const char* doc;
    const shm::PayloadKind& kind;
    newfunc construct;
    reprfunc repr;
    std::span<const PyMethodDef> methods;
    std::span<const PyGetSetDef> properties;
  };
  explicit PayloadClass(const Spec& spec);
  PayloadClass(const PayloadClass&) = delete;
  PayloadClass& operator=(const PayloadClass&) = delete;

  /// Makes the class. False with a Python exception set.
  bool make();

  PyTypeObject* python() const noexcept { return python_; }
  const shm::PayloadKind& kind() const noexcept { return spec_.kind; }
  const char* name() const noexcept { return name_.c_str(); }  ///< "Image"
  bool is_tensor() const noexcept { return spec_.kind.frame_id_at == 0; }

 private:
  Spec spec_;
  std::string name_;
  std::vector<PyMethodDef> methods_;
  std::vector<PyGetSetDef> properties_;
  PyTypeObject* python_ = nullptr;
};

PayloadClass& image_class();
PayloadClass& point_cloud_class();
PayloadClass& depth_image_class();
PayloadClass& tensor_class();
/// Null where there is none.
const PayloadClass* find_payload_class(const PyTypeObject* python) noexcept;
const PayloadClass* find_payload_class(std::string_view name) noexcept;

/// New references; null with an exception set.
PyObject* make_payload_object(const PayloadClass& kind, shm::Payload payload,
                              std::shared_ptr<shm::Session> session) noexcept;
/// A tensor over an array's memory. Where that is `source`'s block the tensor refers to the block,
/// as a view of it; else it holds the array.
PyObject* view_of_array(const PayloadObject& source, PyObject* array,
                        const ArrayInfo& info) noexcept;
/// Of Topic.loan(): a tensor whose elements are not set.
PyObject* loan_tensor(PyObject* values, PyObject* names) noexcept;
PyObject* payload_to_numpy(PayloadObject& object) noexcept;
/// A writable one of one's own with the same content.
PyObject* copy_payload_object(const PayloadObject& object) noexcept;
enum class Content : bool { kSame, kUnset };
Result<shm::Payload> copy_of(const PayloadObject& object, Content content = Content::kSame);
/// Before anything is written: what was sent is others' by now, and the object goes on in a free
/// block. False with an exception set.
bool renew(PayloadObject& object, Content content = Content::kSame) noexcept;
/// Whether somebody may still write to the object's memory by another way than through it.
bool is_exported(const PayloadObject& object) noexcept;
/// What a view of the object's memory has to hold: another handle of the same memory, which the
/// object leaves when it is sent or released.
PyObject* keeper_of(PayloadObject& object) noexcept;
/// False with an exception set, both RuntimeError and ValueError, for what was released.
bool usable(const PayloadObject& object) noexcept;
/// A property that says so of what was released.
template <auto Get>
PyObject* if_usable(PyObject* self, void* closure) noexcept {
  return usable(*as_payload(self)) ? Get(self, closure) : nullptr;
}
/// False with ValueError set for what was received, TypeError for a deletion (`value` null).
bool may_set(PyObject* self, PyObject* value, const char* attribute) noexcept;

enum class Sent : std::int8_t { kError = -1, kRefused = 0, kMoved = 1, kCopied = 2 };
/// Hands the object's block over, or a copy where a writable view of it is alive; of a tensor that
/// is no loan always a copy. kRefused: no block free for a copy, or the topic is full; kError: an
/// exception is set.
Sent send_payload_object(shm::PayloadPublisher& publisher, PayloadObject& object) noexcept;

/// False with ValueError set for sides that no image has.
bool check_sides(const char* what, long long height, long long width) noexcept;
/// "float32", "<f4", numpy.float32 or numpy.dtype. False with ValueError or TypeError set.
bool read_dtype(PyObject* value, shm::Dtype& dtype) noexcept;
PyObject* text_object(std::string_view text) noexcept;

/// `__dlpack__` (DLPack 1.0, and the older capsule) as a descriptor for every class (dlpack.cpp).
PyObject* make_dlpack_descriptor() noexcept;
PyObject* payload_dlpack_device(PyObject* self, PyObject*) noexcept;

/// Getters and setters of shape, dtype, ... (properties.cpp); those of stamp and frame id are
/// apart.
std::span<const PyGetSetDef> shared_properties() noexcept;
std::span<const PyGetSetDef> stamp_properties() noexcept;

/// Adds `Image`, `PointCloud`, `DepthImage` and `Tensor`.
void bind_payloads(pybind11::module_& module);

template <typename P>
PyObject* constructed(const PayloadClass& kind, Result<P> made,
                      std::shared_ptr<shm::Session> session) noexcept {
  if (!made) return set_error(made.error());
  return make_payload_object(kind, std::move(made).value(), std::move(session));
}

}  // namespace horus::py
