// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/crash.hpp"
#include "shm/folder.hpp"

namespace horus::service {

/// What the service before this one left when it crashed, for people.
struct LastCrash {
  std::string summary;              ///< One line; empty: it did not crash.
  std::vector<std::string> frames;  ///< "libarm.so+0x1139 Arm::tick()+0x19", the innermost first.
};

/// The words for a note that another process has left. Symbols are found of objects that this
/// process has loaded as well.
LastCrash describe_crash(const CrashNote& note);

/// The file in the runtime folder where this process's crash would be written, all of its memory
/// taken now. It stays until a clean end.
class CrashPlace {
 public:
  /// Opens or makes the file; what it held is in `last`.
  static Result<CrashPlace> open(const std::string& folder);

  /// Of the service before; a copy, as the place itself is empty again.
  const CrashNote& last() const noexcept { return *last_; }
  /// Written by a signal handler; never unmapped.
  CrashNote* note() const noexcept { return note_; }
  /// After a clean end: nothing is to be told.
  void remove() const noexcept;
  /// Of a service that is dead and did not crash, as a killed one, nothing is to be told either.
  static void remove_untold(const shm::Folder& folder) noexcept;

 private:
  CrashPlace() = default;

  shm::FolderPtr folder_;
  CrashNote* note_ = nullptr;
  std::unique_ptr<CrashNote> last_;
};

}  // namespace horus::service
