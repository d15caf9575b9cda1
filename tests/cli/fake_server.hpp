// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <horus/result.hpp>

#include "rt/base/unique_fd.hpp"
#include "service/wire/varlink.hpp"

namespace horus::cli::test {

/// A directory that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "horus-cli-XXXXXX").string();
    HORUS_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// Listens on a socket and answers each message with the same bytes: a service that is broken or
/// hostile.
class FakeServer {
 public:
  FakeServer(const std::string& path, std::string answer) : answer_{std::move(answer)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    HORUS_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                0);
    HORUS_CHECK(::listen(listener_.get(), 8) == 0);
    thread_ = std::thread{[this] { serve(); }};
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // accept() returns.
    thread_.join();
  }

 private:
  void serve() {
    for (;;) {
      const UniqueFd peer{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!peer) return;
      char chunk[4096];
      for (;;) {
        const ssize_t n = ::recv(peer.get(), chunk, sizeof chunk, 0);
        if (n <= 0) break;
        const bool whole = std::string_view{chunk, static_cast<std::size_t>(n)}.ends_with('\0');
        if (whole) ::send(peer.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
        if (answer_.empty()) break;  // Hangs up.
      }
    }
  }

  std::string answer_;
  UniqueFd listener_;
  std::thread thread_;
};

/// A reply with `parameters`, as it goes over the socket.
inline std::string reply(std::string_view parameters) {
  return "{\"parameters\":" + std::string{parameters} + "}" + '\0';
}

}  // namespace horus::cli::test
