// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/text.hpp"

namespace horus::py {

/// The str that a bound function is called with. pybind11's own std::string refuses one that UTF-8
/// has no place for with "incompatible function arguments"; this one is escaped, see text.hpp.
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
