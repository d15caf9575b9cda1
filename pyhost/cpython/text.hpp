// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string>
#include <string_view>
#include <utility>

#include <pybind11/pybind11.h>

/// Text between Python and us. Python's may hold what UTF-8 has no place for: the bytes of a file
/// name or of a serial line, kept as lone surrogates. Ours may come from shared memory and hold
/// any bytes. Both directions escape as Python does ("\udcff", "\xff") and never fail. With the
/// GIL.
namespace horus::py {

/// str(object) in UTF-8. Where that raises, it says so instead.
std::string text_of(PyObject* object) noexcept;
/// The characters of a str; of an enum that is one as well its value, not its name.
std::string characters_of(PyObject* str) noexcept;
/// repr(object), likewise.
std::string repr_of(PyObject* object) noexcept;

/// A new str; null with an exception set only where there is no memory.
PyObject* str_of(std::string_view text) noexcept;
/// Sets the exception `type` with `text`.
void set_exception(PyObject* type, std::string_view text) noexcept;

/// The str that a bound function is called with. pybind11's own std::string refuses one that UTF-8
/// has no place for with "incompatible function arguments"; this one is escaped.
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
