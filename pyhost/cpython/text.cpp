// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/text.hpp"

#include "pyhost/cpython/capi.hpp"

namespace horus::py {
namespace {

constexpr const char* kEscape = "backslashreplace";

/// `text` in UTF-8. `text` was made of `object`; where that failed (null with an exception set) the
/// exception is cleared and a text that names the type of `object` takes its place.
std::string escaped(const Ref& text, PyObject* object) noexcept {
  const Ref bytes{text ? PyUnicode_AsEncodedString(text.ptr(), "utf-8", kEscape) : nullptr};
  if (bytes) {
    return {PyBytes_AS_STRING(bytes.ptr()),
            static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
  }
  PyErr_Clear();
  return std::string{"<unprintable "} + Py_TYPE(object)->tp_name + " object>";
}

}  // namespace

std::string text_of(PyObject* object) noexcept {
  return escaped(Ref{PyObject_Str(object)}, object);
}

std::string characters_of(PyObject* str) noexcept {
  return escaped(Ref{Py_NewRef(str)}, str);
}

std::string repr_of(PyObject* object) noexcept {
  return escaped(Ref{PyObject_Repr(object)}, object);
}

PyObject* str_of(std::string_view text) noexcept {
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), kEscape);
}

void set_exception(PyObject* type, std::string_view text) noexcept {
  // If there is no memory for the text, str_of() has set MemoryError, which stays.
  if (const Ref message{str_of(text)}) PyErr_SetObject(type, message.ptr());
}

}  // namespace horus::py
