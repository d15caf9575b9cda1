// SPDX-License-Identifier: Apache-2.0
#include "shm/base.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <map>

#include "shm/names.hpp"
#include "shm/path_walk.hpp"
#include "shm/schema.hpp"

namespace horus::shm {
namespace {

std::string number_name(std::size_t number) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%02zx", number);
  return text.data();
}

/// Who may enter a base, as set by the person who made it for several users.
struct Shape {
  explicit Shape(const struct stat& status) noexcept
      : device{status.st_dev},
        inode{status.st_ino},
        mode{status.st_mode & 07777U},
        group{status.st_gid} {}

  dev_t device;
  ino_t inode;
  mode_t mode;
  gid_t group;
};

constexpr auto kAsItIs = static_cast<uid_t>(-1);

/// Opens the base that replaces a removed one to everybody who could enter that.
Status restore(const Folder& made, const Shape& now, const Shape& was) noexcept {
  // The group first, as chown() clears set-group-ID. A service's sandbox refuses that bit.
  if ((now.group == was.group || ::fchown(made.fd(), kAsItIs, was.group) == 0) &&
      (::fchmod(made.fd(), was.mode) == 0 || ::fchmod(made.fd(), was.mode & 05777U) == 0)) {
    return {};
  }
  return Error::from_errno("open the folder to those who could enter it", made.path());
}

/// If this user's base was removed and made again, closed to others, since this process first
/// worked in it: opens it again to those who could enter it. Whether it has done so. The base may
/// have been made again by whichever thread of this process came first.
Result<bool> keep_shape(const Folder& root) {
  static std::mutex mutex;  // not RT: set-up and the helper thread only
  static std::map<std::string, Shape> shapes;
  struct stat status {};
  if (!root.ours() || ::fstat(root.fd(), &status) != 0) return false;
  const Shape now{status};
  const std::scoped_lock lock{mutex};
  const auto [known, first] = shapes.try_emplace(root.path(), now);
  Shape& was = known->second;
  const bool same = now.device == was.device && now.inode == was.inode;
  // If it has any other mode than the default, somebody has made it on purpose.
  const bool closed = !same && now.mode == mode_for_base(root.path());
  if (!closed || (now.mode == was.mode && now.group == was.group)) {
    was = now;
    return false;
  }
  if (auto restored = restore(root, now, was); !restored) return restored.error();
  was.device = now.device;
  was.inode = now.inode;
  return true;
}

}  // namespace

Result<std::shared_ptr<Base>> Base::join(const std::string& path) {
  auto root = Folder::base(path);
  if (!root) return root.error();
  std::shared_ptr<Base> base{new Base};
  base->root_ = std::move(root).value();
  base->joined_ = true;
  if (auto reopened = keep_shape(*base->root_); !reopened) {
    base->shut_ = reopened.error();
  } else if (reopened.value()) {
    auto again = Folder::base(path);
    if (!again) return again.error();
    base->root_ = std::move(again).value();
  }
  if (auto made = base->make_parts(); !made) return made.error();
  return base;
}

Status Base::make_parts() {
  struct Part {
    const char* name;
    mode_t mode;
    FolderPtr Base::*folder;
  };
  for (const Part& part :
       {Part{"topics", kOwnFolder, &Base::topics_}, Part{"pools", kSharedFolder, &Base::pools_},
        Part{"bells", kSharedFolder, &Base::bells_}, Part{"hosts", kSharedFolder, &Base::hosts_},
        Part{"declared", kOwnFolder, &Base::declared_}}) {
    auto folder = root_->folder(part.name, part.mode);
    if (folder) {
      this->*(part.folder) = std::move(folder).value();
    } else if (ours() || part.folder != &Base::declared_) {
      return folder.error();
    }
  }
  // In a base for several users, others cannot make these folders: make them now.
  for (std::size_t i = 0; ours() && root_->shared() && i < kTopicFolders; ++i) {
    if (auto made = topics_->folder(number_name(i), kSharedFolder); !made) return made.error();
  }
  return {};
}

bool Base::is_whole() const {
  const auto is_there = [this](const char* name, const FolderPtr& folder) {
    return !folder || root_->names(name, folder->fd());
  };
  if (!is_there("topics", topics_) || !is_there("pools", pools_) || !is_there("bells", bells_) ||
      !is_there("hosts", hosts_) || !is_there("declared", declared_)) {
    return false;
  }
  const bool for_others = ours() && root_->shared();
  const std::scoped_lock lock{mutex_};
  for (std::size_t i = 0; topics_ && i < kTopicFolders; ++i) {
    const FolderPtr& held = numbered_.at(i);
    const std::string name = number_name(i);
    if (held ? !topics_->names(name, held->fd()) : for_others && !topics_->has(name)) return false;
  }
  return true;
}

Result<std::shared_ptr<Base>> Base::look(const std::string& path) {
  auto root = Folder::look(path);
  if (!root) return root.error();
  std::shared_ptr<Base> base{new Base};
  base->root_ = std::move(root).value();
  const auto existing = [&base](const char* name) {
    auto folder = base->root_->existing(name);
    return folder ? std::move(folder).value() : nullptr;
  };
  auto topics = base->root_->existing("topics");
  // If it cannot be read, it is not known to be empty.
  if (!topics && topics.error().code == Errc::kPermission) return topics.error();
  if (topics) base->topics_ = std::move(topics).value();
  base->pools_ = existing("pools");
  base->bells_ = existing("bells");
  base->hosts_ = existing("hosts");
  base->declared_ = existing("declared");
  return base;
}

void Base::show_life() const {
  // An error is ignored: others then do not see that somebody lives here; the base works all the
  // same.
  const std::string& path = root_->path();
  if (is_default_base(path)) {
    static_cast<void>(::futimens(root_->fd(), nullptr));
  } else if (is_default_base(path.substr(0, path.rfind('/')))) {
    static_cast<void>(::utimensat(root_->fd(), "..", nullptr, AT_SYMLINK_NOFOLLOW));
  }
}

Status Base::make_run() const {
  const auto made = root_->folder("run", kOwnFolder);
  return made ? Status{} : made.error();
}

Result<FolderPtr> Base::numbered(std::size_t number) const {
  if (!topics_) return Error{Errc::kNotFound, "enter folder of topics", 0, {}};
  const std::scoped_lock lock{mutex_};
  FolderPtr& held = numbered_.at(number);
  if (!held) {
    const std::string name = number_name(number);
    auto folder = joined_ ? topics_->folder(name, kSharedFolder) : topics_->existing(name);
    if (!folder) return folder;
    held = std::move(folder).value();
  }
  return held;
}

Result<FolderPtr> Base::topic_folder(const std::string& key) const {
  return numbered(hash_of(key) % kTopicFolders);
}

std::vector<FolderPtr> Base::topic_folders() const {
  std::vector<FolderPtr> folders;
  if (!topics_) return folders;
  for (const std::string& name : topics_->list("")) {
    std::size_t number = kTopicFolders;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
    if (error != std::errc{} || number >= kTopicFolders || name != number_name(number)) continue;
    if (auto folder = numbered(number)) folders.push_back(std::move(folder).value());
  }
  return folders;
}

}  // namespace horus::shm
