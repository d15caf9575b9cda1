// SPDX-License-Identifier: Apache-2.0
#include "shm/base.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <cstdio>

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

}  // namespace

Result<std::shared_ptr<Base>> Base::join(const std::string& path) {
  auto root = Folder::base(path);
  if (!root) return root.error();
  std::shared_ptr<Base> base{new Base};
  base->root_ = std::move(root).value();
  base->joined_ = true;
  struct Part {
    const char* name;
    mode_t mode;
    FolderPtr Base::*folder;
  };
  for (const Part& part :
       {Part{"topics", kOwnFolder, &Base::topics_}, Part{"pools", kSharedFolder, &Base::pools_},
        Part{"bells", kSharedFolder, &Base::bells_}, Part{"hosts", kSharedFolder, &Base::hosts_},
        Part{"declared", kOwnFolder, &Base::declared_}}) {
    auto folder = base->root_->folder(part.name, part.mode);
    if (folder) {
      (*base).*(part.folder) = std::move(folder).value();
    } else if (base->ours() || part.folder != &Base::declared_) {
      return folder.error();
    }
  }
  // Those who come later cannot make any.
  for (std::size_t i = 0; base->ours() && base->root_->shared() && i < kTopicFolders; ++i) {
    if (auto made = base->topics_->folder(number_name(i), kSharedFolder); !made) {
      return made.error();
    }
  }
  return base;
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
  // What cannot be read is not nothing.
  if (!topics && topics.error().code == Errc::kPermission) return topics.error();
  if (topics) base->topics_ = std::move(topics).value();
  base->pools_ = existing("pools");
  base->bells_ = existing("bells");
  base->hosts_ = existing("hosts");
  base->declared_ = existing("declared");
  return base;
}

void Base::show_life() const {
  // A base that cannot be touched is one of which nobody is told, and no less a base.
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
