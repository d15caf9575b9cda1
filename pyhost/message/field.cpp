// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/field.hpp"

#include <algorithm>

namespace horus::py {

bool find_field(const shm::TypeInfo& type, std::string_view path, Field& found) {
  const auto member = shm::find_member(type, path);
  if (!member) return false;
  const shm::FieldInfo& row = *member->field;
  found.kind = row.kind;
  found.offset = member->offset;
  found.size = row.size;
  found.array = row.array && !member->element;
  found.count = found.array ? row.count : 1;
  found.nested = row.nested;
  const shm::FieldInfo* const counter = shm::find_field(*member->holder, row.counted_by);
  found.whole = found.array && row.is_whole();
  if (found.array && counter != nullptr) {
    found.counter_offset = member->offset - row.offset + counter->offset;
    found.counter_size = counter->size;
    found.counter_name = counter->name;
    found.counter_shared =
        std::ranges::count(member->holder->fields, row.counted_by, &shm::FieldInfo::counted_by) > 1;
  }
  return true;
}

}  // namespace horus::py
