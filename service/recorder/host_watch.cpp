// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/host_watch.hpp"

#include <utility>

#include "rt/base/printable.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

HostWatch::Happened HostWatch::look() {
  Happened happened;
  std::map<std::string, Seen> seen;
  for (const shm::StatsPage& page : shm::StatsPage::open_all(base_)) {
    const HostStats& host = page.host();
    Seen now{.pid = host.pid.value(), .alive = page.alive(), .lives = host.lives.value()};
    const std::string name{host.name.view()};
    const Seen before = std::exchange(seen_[name], {});
    const bool same = before.pid == now.pid && before.lives == now.lives;
    // Either the page is still the dead host's own, or a successor has taken it over, which counts
    // one life more.
    const bool died = before.alive && (same ? !now.alive : now.lives > before.lives);
    if (died) happened.death = "host '" + printable(name) + "' died";
    for (const NodeStats& node : page.nodes()) {
      const std::string its{node.name.view()};
      now.misses[its] = node.misses.value();
      const auto known = before.misses.find(its);
      const bool more =
          now.misses[its] > (same && known != before.misses.end() ? known->second : 0);
      if (!misses_ || first_ || !more) continue;
      happened.miss =
          "node '" + printable(its) + "' of host '" + printable(name) + "' missed its deadline";
    }
    seen[name] = std::move(now);
  }
  seen_ = std::move(seen);
  first_ = false;
  return happened;
}

}  // namespace horus::service
