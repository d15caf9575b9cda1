// SPDX-License-Identifier: Apache-2.0
#include "service/crash_place.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <sstream>

#include "rt/base/unique_fd.hpp"

namespace horus::service {
namespace {

constexpr const char* kName = "crash";

/// A piece of code that the crashed process had mapped, and the file that it came from.
struct Piece {
  std::uint64_t begin = 0;   ///< First address.
  std::uint64_t end = 0;     ///< Address behind the last.
  std::uint64_t offset = 0;  ///< Offset of `begin` in the file.
  std::string path;
};

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  return "0x" + std::string{text.data(), end};
}

/// The executable mappings in the note.
/// Source: proc_pid_maps(5): "begin-end perms offset dev inode path".
std::vector<Piece> pieces_of(const CrashNote& note) {
  std::vector<Piece> pieces;
  std::istringstream lines{
      std::string{note.maps.data(), ::strnlen(note.maps.data(), note.maps.size())}};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    Piece piece;
    char dash = 0;
    std::string rights, device, inode;
    fields >> std::hex >> piece.begin >> dash >> piece.end >> rights >> piece.offset >> device >>
        inode >> std::ws;
    std::getline(fields, piece.path);
    if (rights.find('x') != std::string::npos) pieces.push_back(std::move(piece));
  }
  return pieces;
}

/// The address in this process of the byte at `offset` of the file `path`; 0: this process has not
/// loaded the file.
std::uint64_t address_here(const std::string& path, std::uint64_t offset) {
  struct Search {
    const std::string& path;
    std::uint64_t offset;
    std::uint64_t found = 0;
  } search{path, offset};
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* argument) {
        auto& wanted = *static_cast<Search*>(argument);
        struct stat of_object {};
        struct stat of_path {};
        const char* const name = *object->dlpi_name != '\0' ? object->dlpi_name : "/proc/self/exe";
        if (::stat(name, &of_object) != 0 || ::stat(wanted.path.c_str(), &of_path) != 0 ||
            of_object.st_ino != of_path.st_ino || of_object.st_dev != of_path.st_dev) {
          return 0;
        }
        for (const ElfW(Phdr) & part : std::span{object->dlpi_phdr, object->dlpi_phnum}) {
          if (part.p_type != PT_LOAD || wanted.offset < part.p_offset ||
              wanted.offset >= part.p_offset + part.p_filesz) {
            continue;
          }
          wanted.found = object->dlpi_addr + part.p_vaddr + (wanted.offset - part.p_offset);
          return 1;
        }
        return 0;
      },
      &search);
  return search.found;
}

/// The function at an address, e.g. " Arm::tick(horus::Tick const&)+0x19"; empty: not known.
std::string symbol_at(std::uint64_t address) {
  Dl_info info{};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is what it is about
  void* const place = reinterpret_cast<void*>(address);
  if (address == 0 || ::dladdr(place, &info) == 0 || info.dli_sname == nullptr) return {};
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> plain{
      abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &failed), std::free};
  const auto begin = reinterpret_cast<std::uintptr_t>(info.dli_saddr);
  return " " + std::string{plain != nullptr ? plain.get() : info.dli_sname} + "+" +
         hex(address - begin);
}

std::string frame_text(std::uint64_t address, const std::vector<Piece>& pieces) {
  const auto piece = std::ranges::find_if(
      pieces, [address](const Piece& one) { return address >= one.begin && address < one.end; });
  if (piece == pieces.end()) return hex(address);
  const std::uint64_t offset = address - piece->begin + piece->offset;
  return piece->path.substr(piece->path.rfind('/') + 1) + "+" + hex(offset) +
         symbol_at(address_here(piece->path, offset));
}

}  // namespace

LastCrash describe_crash(const CrashNote& note) {
  LastCrash crash;
  // acquire: whoever sees `complete` also sees the rest of the note; see CrashNote.
  if (note.complete.load(std::memory_order_acquire) != 1) return crash;
  const char* const name = ::sigdescr_np(note.signal);
  crash.summary = "crashed last time: " + std::string{name != nullptr ? name : "unknown"} +
                  " (signal " + std::to_string(note.signal) + ")";
  if (note.node.empty()) {
    crash.summary += " outside of any node";
  } else {
    crash.summary +=
        " in node '" + std::string{note.node.view()} + "', tick " + std::to_string(note.tick);
  }
  const std::vector<Piece> pieces = pieces_of(note);
  const std::size_t frames = std::min<std::size_t>(note.frames, note.frame.size());
  for (std::size_t i = 0; i < frames; ++i) {
    crash.frames.push_back(frame_text(note.frame[i], pieces));
  }
  return crash;
}

Result<CrashPlace> CrashPlace::open(const std::string& folder) {
  auto own = shm::Folder::own(folder);
  if (!own) return own.error();
  CrashPlace place;
  place.folder_ = std::move(own).value();
  const std::string path = place.folder_->path_of(kName);
  constexpr auto kSize = static_cast<off_t>(sizeof(CrashNote));
  const UniqueFd file = place.folder_->open(kName, O_RDWR | O_CREAT);
  if (!file) return Error::from_errno("open the place for crashes", path);
  // Allocate all of it now: in the signal handler a full disk could not be reported.
  if (const int refused = ::posix_fallocate(file.get(), 0, kSize); refused != 0) {
    return Error{errc_of(refused), "take memory for crashes", refused, Name<200>::clipped(path)};
  }
  void* const memory =
      ::mmap(nullptr, sizeof(CrashNote), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return Error::from_errno("map the place for crashes", path);
  place.note_ = static_cast<CrashNote*>(memory);
  place.last_ = std::make_unique<CrashNote>();
  std::memcpy(static_cast<void*>(place.last_.get()), memory, sizeof(CrashNote));
  std::memset(memory, 0, sizeof(CrashNote));
  return place;
}

void CrashPlace::remove() const noexcept {
  folder_->unlink(kName);
}

void CrashPlace::remove_untold(const shm::Folder& folder) noexcept {
  const UniqueFd file = folder.open(kName, O_RDONLY);
  static_assert(offsetof(CrashNote, complete) == 0);
  std::uint32_t complete = 0;
  if (!file || ::pread(file.get(), &complete, sizeof complete, 0) != sizeof complete) return;
  if (complete == 0) folder.unlink(kName);
}

}  // namespace horus::service
