// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <utility>

#include <pybind11/pybind11.h>

/// Text between Python and C++. A Python str may hold lone surrogates, which UTF-8 cannot encode:
/// Python keeps undecodable bytes of a file name or of a serial line so. A C++ text may come from
/// shared memory and hold any bytes. Both directions escape as Python does ("\udcff", "\xff") and
/// never fail for such text. All calls with the GIL.
namespace horus::py {

/// str(object) in UTF-8. Where str() raises, "<unprintable T object>" and no exception.
std::string text_of(PyObject* object) noexcept;
/// The characters of a str, in UTF-8. Of an enum member that is a str too: its value, where str()
/// would give its name.
std::string characters_of(PyObject* str) noexcept;
/// repr(object), as text_of().
std::string repr_of(PyObject* object) noexcept;

/// A new str; null with an exception set only where there is no memory.
PyObject* str_of(std::string_view text) noexcept;
/// Sets the exception `type` with `text`; MemoryError where there is no memory for the text.
void set_exception(PyObject* type, std::string_view text) noexcept;

/// A str parameter of a bound function. With std::string pybind11 refuses a str with lone
/// surrogates ("incompatible function arguments"); this type escapes them.
struct Text : std::string {
  Text() = default;
  explicit Text(std::string text) noexcept : std::string{std::move(text)} {}
};

}  // namespace horus::py

template <>
struct pybind11::detail::type_caster<horus::py::Text> {
  PYBIND11_TYPE_CASTER(horus::py::Text, const_name("str"));
  bool load(handle source, bool /*convert*/) {
    if (!source || !PyUnicode_Check(source.ptr())) return false;
    value = horus::py::Text{horus::py::characters_of(source.ptr())};
    return true;
  }
};
