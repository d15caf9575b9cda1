// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <horus/result.hpp>

#include "rt/crash.hpp"
#include "shm/folder.hpp"

namespace horus::service {

/// How the service before this one crashed, in words.
struct LastCrash {
  std::string summary;              ///< One line; empty: it did not crash.
  std::vector<std::string> frames;  ///< "libarm.so+0x1139 Arm::tick()+0x19", the innermost first.
};

/// Describes the note of another process. A frame gets its symbol only if this process has loaded
/// the same object, so call it after the plug-ins are loaded. Empty if the note is not complete.
LastCrash describe_crash(const CrashNote& note);

/// The file in the runtime folder into which this process's crash is written. Its space is
/// allocated when it is opened. It stays until a clean end, for the next start to read.
class CrashPlace {
 public:
  /// Opens or makes the file. What it held moves to last(), and the file is emptied. Fails if the
  /// folder is not this user's own, or without disk space or memory.
  static Result<CrashPlace> open(const std::string& folder);

  /// The note of the service before this one; complete only if that one crashed.
  const CrashNote& last() const noexcept { return *last_; }
  /// For the signal handler that writes a crash. Stays mapped until the process ends.
  CrashNote* note() const noexcept { return note_; }
  /// After a clean end: removes the file, so that the next start has nothing to report.
  void remove() const noexcept;
  /// For a service that is dead, such as a killed one: removes its file unless it holds a crash.
  static void remove_untold(const shm::Folder& folder) noexcept;

 private:
  CrashPlace() = default;

  shm::FolderPtr folder_;
  CrashNote* note_ = nullptr;
  std::unique_ptr<CrashNote> last_;
};

}  // namespace horus::service
