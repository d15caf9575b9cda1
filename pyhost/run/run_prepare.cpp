// SPDX-License-Identifier: Apache-2.0
// The part of a run before its threads exist: page, log, black box, socket, nodes.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include <horus/log.hpp>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/payload/session.hpp"
#include "pyhost/run/run.hpp"
#include "rt/base/shortage.hpp"
#include "rt/node_config.hpp"
#include "shm/near.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr int kMaxHostNames = 100;
/// The exit status of a process that leaves a callback behind (EX_TEMPFAIL).
constexpr int kAbandoned = 75;

/// The files of all runs of this process, of which several may be under way. Guarded by a mutex and
/// not by the GIL: the thread that ends a hanging process has no GIL.
struct Files {
  std::mutex mutex;
  std::vector<std::weak_ptr<shm::StatsPage>> statistics;
  std::vector<std::weak_ptr<shm::LogPage>> logs;
  std::vector<std::weak_ptr<HostSocket>> sockets;
  std::vector<std::weak_ptr<HostBox>> boxes;
};

Files& files() {
  static auto* const the_files = new Files;
  return *the_files;
}

template <typename File>
void note(std::vector<std::weak_ptr<File>>& all, const std::shared_ptr<File>& file) {
  const std::scoped_lock lock{files().mutex};
  std::erase_if(all, [](const auto& one) { return one.expired(); });
  all.push_back(file);
}

template <typename File>
void remove(const std::vector<std::weak_ptr<File>>& all) noexcept {
  const std::scoped_lock lock{files().mutex};
  for (const auto& one : all) {
    if (const auto file = one.lock()) file->remove();
  }
}

/// Warns when an event node waits for a topic that is not among its subs=: the name may be
/// misspelt.
void tell_strange_source(const NodeSpec& spec) {
  const auto& subs = spec.subscribers;
  const auto topic = [](const auto& port) -> const std::string& { return port.topic; };
  if (subs.empty() || std::ranges::find(subs, spec.on, topic) != subs.end()) return;
  const auto is_meant = [&](const std::string& one) { return shm::is_near_miss(spec.on, one); };
  const auto near = std::ranges::find_if(subs, is_meant, topic);
  log(LogLevel::kWarning, "node '" + spec.name + "' waits for topic '" + spec.on +
                              "', which is not among its subs" +
                              (near == subs.end() ? "" : "; is '" + near->topic + "' meant?"));
}

}  // namespace

void remove_all_files() noexcept {
  // The pages go last: see Run::unname_pages().
  remove(files().sockets);
  remove(files().logs);
  {
    const std::scoped_lock lock{files().mutex};
    for (const auto& one : files().boxes) {
      if (const auto box = one.lock()) box->end("a callback did not come back", kAbandoned);
    }
  }
  remove(files().boxes);
  remove(files().statistics);
}

void forget_all_files() noexcept {
  // Made anew, not cleared: another thread of the parent may have held the mutex at the fork.
  new (&files()) Files;
}

/// Logs what the run has to do without. `what` is completed by the host's name and the error.
void Run::tell_lack(const char* what, const Error& why) const {
  log(LogLevel::kWarning, std::string{what} + " host '" + std::string{page_->host().name.view()} +
                              "': " + describe(why) + cure_of(shortage_of(why)));
}

void Run::open_socket() {
  safety_port_ = std::make_shared<SafetyPort>();
  auto socket = HostSocket::open(value_or_raise(session())->base(), page_, safety_port_, box_);
  if (!socket) return tell_lack("a level that is set while it runs does not reach", socket.error());
  socket_ = std::move(socket).value();
  note(files().sockets, socket_);
}

void Run::open_page() {
  const auto memory = value_or_raise(session());
  const std::string& base = memory->base();
  std::vector<std::string> names;
  for (const pyb::object& node : nodes_) names.push_back(node_object(node).node->spec.name);
  const std::string own =
      settings_.name.empty() ? "py-" + std::to_string(::getpid()) : settings_.name;
  auto page = shm::StatsPage::create(base, own, names);
  // Several schedulers without a name in one process: py-12, py-12-2, ...
  for (int i = 2;
       !page && page.error().code == Errc::kBusy && settings_.name.empty() && i < kMaxHostNames;
       ++i) {
    page = shm::StatsPage::create(base, own + "-" + std::to_string(i), names);
  }
  page_ = std::make_shared<shm::StatsPage>(value_or_raise(std::move(page)));
  page_is_public_ = true;
  memory->keep(page_);
  note(files().statistics, page_);
  // Under a supervisor there is no log page: the supervisor keeps its hosts' lines.
  if (!logs_for_supervisor()) {
    const std::string name{page_->host().name.view()};
    if (auto log = shm::LogPage::create(base, name)) {
      auto kept = std::make_shared<shm::LogPage>(std::move(log).value());
      note(files().logs, kept);
      log_.keep(std::move(kept));
    } else {
      tell_lack("'horusctl log' has no lines of", log.error());
    }
  }
  page_->host().python.set(1);
  open_box();
}

/// If no black box can be made, warns and goes on without one.
void Run::open_box() {
  const auto memory = value_or_raise(session());
  auto page = shm::BlackBoxPage::create(memory->base(), page_->host().name.view(),
                                        shm::box_bytes(settings_.blackbox_mb, shm::kBoxBytes));
  if (!page) return tell_lack("no black box of", page.error());
  auto kept = std::make_shared<shm::BlackBoxPage>(std::move(page).value());
  memory->keep(kept);
  box_ = std::make_shared<HostBox>(std::move(kept), memory->base());
  note(files().boxes, box_);
}

void Run::prepare_node(std::size_t index) {
  NodeObject& node = node_object(nodes_[index]);
  if (node.node->host() != nullptr) {
    throw std::runtime_error("node '" + node.node->spec.name + "' runs in another scheduler");
  }
  NodeStats& stats = page_->nodes()[index];
  node.ports->count_into(&stats);
  node.node->prepare(*this, std::shared_ptr<NodeStats>{page_, &stats},
                     std::shared_ptr<const HostStats>{page_, &page_->host()});
  const NodeSpec& spec = node.node->spec;
  if (spec.config.node_class == NodeClass::kEvent) {
    tell_strange_source(spec);
    node.ports->port(spec.on).begins_ticks();
  }
  if (!node.node->ticks()) {
    log(LogLevel::kWarning, "node '" + spec.name +
                                "' has no tick: give it one by tick=, or as a "
                                "method of a subclass");
  }
  raise_unless(node.ports->open(began_));
}

/// The node's configuration, completed by the scheduler's settings for all nodes.
NodeConfig Run::config_of(const NodeSpec& spec) const {
  NodeConfig config = spec.config;
  if (config.node_class == NodeClass::kBestEffort) {
    config.rate = Rate::from_hz(settings_.tick_rate);
  }
  const LogLevel usual = settings_.verbose ? LogLevel::kDebug : LogLevel::kInfo;
  config.log_level = settings_.log_level.value_or(usual);
  return config;
}

void Run::add_node(NodeObject& node) {
  const NodeSpec& spec = node.node->spec;
  NodeConfig config = config_of(spec);
  if (config.priority && !settings_.rt) {
    degrade("fifo", "node '" + spec.name + "' asks for a priority, and rt is False",
            "give rt=True to the scheduler");
    config.priority.reset();
  }
  if (spec.asked_99 && config.priority) {
    degrade("priority", "node '" + spec.name + "' asks for 99 and runs with 98: 99 is the kernel's",
            "give it 1 to 98", 0);
  }
  WakeSource* wake = nullptr;
  if (config.node_class == NodeClass::kEvent) {
    sources_.push_back(std::make_unique<PortSource>(node.ports->port(spec.on)));
    wake = sources_.back().get();
  }
  raise_unless(scheduler_->add(*node.node, config, wake));
}

AsyncLoop& Run::async_loop() {
  if (async_loop_ == nullptr) async_loop_ = std::make_unique<AsyncLoop>(settings_.stop_timeout);
  return *async_loop_;
}

Nanos Run::shortest_budget() const {
  Nanos shortest{};
  for (const pyb::object& object : nodes_) {
    const Nanos budget = effective_budget(node_object(object).node->spec.config).execution;
    if (budget > Nanos{} && (shortest == Nanos{} || budget < shortest)) shortest = budget;
  }
  return shortest;
}

}  // namespace horus::py
