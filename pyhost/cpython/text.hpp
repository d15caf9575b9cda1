// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string>
#include <string_view>

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

}  // namespace horus::py
