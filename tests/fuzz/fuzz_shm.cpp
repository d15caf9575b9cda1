// SPDX-License-Identifier: Apache-2.0
// Files in shared memory, whatever is in them: the first byte says which kind, the rest is the
// file. Nothing may crash or read outside of it, and what is accepted is used.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <horus/image.hpp>
#include <horus/message.hpp>
#include <horus/payload.hpp>
#include <horus/point_cloud.hpp>
#include <horus/result.hpp>

#include "shm/host_board.hpp"
#include "shm/log_page.hpp"
#include "shm/names.hpp"
#include "shm/payload_state.hpp"
#include "shm/pool.hpp"
#include "shm/registry.hpp"
#include "shm/ring.hpp"
#include "shm/schema.hpp"
#include "shm/stats_page.hpp"
#include "shm/topic_type.hpp"
#include "tests/support/shm_fixture.hpp"

namespace {

using namespace horus;
using namespace horus::shm;
using horus::test::Checked;

/// Where a kind of file lies, for those who look for it.
struct Place {
  test::TemporaryBase base;
  std::shared_ptr<Base> joined = Base::join(base.path()).value();
  std::shared_ptr<OwnPool> pool;
  std::string topic = place_of(*joined, "t").value().folder->path() + "/t.";

  Place() {
    HORUS_CHECK(place_of(*joined, "t"));
    pool = OwnPool::create(joined->pools(), "1-1-0", 100).value();
  }
};

Place& place() {
  static Place the_place;
  return the_place;
}

void put(const std::string& path, std::string_view bytes) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  HORUS_CHECK(::write(file.get(), bytes.data(), bytes.size()) ==
              static_cast<ssize_t>(bytes.size()));
}

void read_ring(const std::string& path, const TypeInfo& type) {
  const auto region = test::open_region(path, sizeof(RingHeader));
  const auto view = region ? view_of(region.value(), type.hash, type.varies()) : std::nullopt;
  if (!view) return;
  std::array<std::byte, 256> buffer{};
  const std::uint64_t sent = complete(*view);
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{1}, view->mask, sent, sent - 1,
                                sent - view->mask, ~std::uint64_t{0}}) {
    const Read read = read_message(*view, n, buffer);
    HORUS_CHECK(read.length <= buffer.size());
    const std::uint64_t oldest = oldest_kept(*view, n, n + 3);
    HORUS_CHECK(oldest - n <= 3);
  }
}

void read_topic() {
  if (const auto topic = find_topic(place().base.path(), "t")) {
    HORUS_CHECK(topic.value().type.size() <= 64);
    HORUS_CHECK(topic.value().publishers.size() <= 1 && topic.value().subscribers.size() <= 1);
  }
}

void read_pool(std::string_view bytes) {
  const std::string name = "2-2-0.00000042.pool";
  put(place().base.path() + "/pools/" + name, bytes);
  const auto pool = PeerPool::open(place().joined->pools(), name, "3-3-0");
  if (!pool) return;
  unsigned sum = 0;
  for (const std::uint32_t block : {0U, kPoolBlocks - 1, kPoolBlocks, 0xffffffffU}) {
    for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{kPage}, ~std::uint64_t{0}}) {
      const auto payload = pool.value()->payload(block, size);
      if (payload.empty()) continue;
      sum += static_cast<unsigned>(payload.front()) + static_cast<unsigned>(payload.back());
      if (pool.value()->hold(block, sum)) pool.value()->release(block);
    }
  }
}

void read_hold(std::string_view bytes) {
  std::array<char, 9> id{};
  std::snprintf(id.data(), id.size(), "%08x", place().pool->id());
  put(place().base.path() + "/pools/" + id.data() + ".4-4-0.hold", bytes);
  place().pool->attend();
  if (const auto block = place().pool->take()) place().pool->give_back(block->index);
}

void read_stats(std::string_view bytes) {
  const std::string path = place().base.path() + "/hosts/x.stats";
  put(path, bytes);
  const auto page = StatsPage::open(place().base.path(), "x");
  if (!page) return;
  HORUS_CHECK(page.value().host().name.view().size() <= NodeName::kMaxLength + 1);
  for (const NodeStats& node : page.value().nodes()) {
    static_cast<void>(node.lateness.snapshot());
    static_cast<void>(node.gil_wait.snapshot());
  }
}

void read_log(std::string_view bytes) {
  put(place().base.path() + "/hosts/x.log", bytes);
  for (const LogPage& page : LogPage::open_all(place().base.path())) {
    const auto lines = page.after(0);
    HORUS_CHECK(lines.size() <= LogPage::kLines && page.after(page.count()).empty());
    for (const LogLine& line : lines) HORUS_CHECK(line.text.view().size() <= sizeof line.text);
  }
}

void read_board(std::string_view bytes) {
  std::vector<std::uint64_t> file(bytes.size() / 8 + 1);
  std::memcpy(file.data(), bytes.data(), bytes.size());
  for (const HostRow& row : HostBoard::rows_in(std::as_bytes(std::span{file}))) {
    HORUS_CHECK(row.name.view().size() <= sizeof row.name && to_text(row.state) != nullptr);
    HORUS_CHECK(row.why.view().size() <= sizeof row.why);
  }
}

void read_name(std::string_view name) {
  static_cast<void>(pid_of(name));
  static_cast<void>(unescape(name));
  if (check_topic_name(name)) HORUS_CHECK(unescape(escape(name)) == name);
}

void read_descriptor(std::string_view bytes) {
  for (const PayloadKind* kind :
       {&Image::kind(), &PointCloud::kind(), &DepthImage::kind(), &Tensor::kind()}) {
    PayloadState state{*kind};
    std::memcpy(state.descriptor.data(), bytes.data(),
                std::min<std::size_t>(bytes.size(), kind->type.size));
    const auto& tensor = state.tensor();
    if (is_bounded(tensor)) {
      HORUS_CHECK(tensor.offset + tensor.size <= 2 * Region::kMaxSize);
    }
    if (is_valid(state)) HORUS_CHECK(is_bounded(tensor));
  }
}

void read_schema(std::string_view text) {
  const auto parsed = parse_schema(text);
  if (!parsed) return;
  const TypeInfo& type = parsed.value().info();
  HORUS_CHECK(schema_of(type) == text && hash_of(text) == type.hash);
  for (const FieldInfo& field : type.fields) {
    HORUS_CHECK(std::uint64_t{field.offset} + std::uint64_t{field.size} * field.count <= type.size);
  }
}

/// The bytes of a message whose arrays are as long as it says itself.
void read_varying(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  for (const TypeInfo* type : all_types()) {
    const auto layout = TailLayout::of_message(*type, bytes);
    if (!layout) continue;
    for (std::size_t i = 0; i < type->tails.size(); ++i) {
      HORUS_CHECK(layout->offset(i) % 8 == 0 || layout->count(i) == 0);
      HORUS_CHECK(layout->offset(i) + layout->count(i) * type->tails[i].size <= bytes.size() ||
                  layout->count(i) == 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::string ring = place().topic + "1-1-0.0.ring";
  switch (data[0] % 13) {
    case 0:
      put(ring, bytes);
      read_ring(ring, type_info(Tag<Checked>{}));
      read_topic();
      break;
    case 1:
      put(place().topic + "type", bytes);
      read_topic();
      break;
    case 2:
      put(place().topic + "1-1-0.1.sub", bytes);
      read_topic();
      break;
    case 3: read_pool(bytes); break;
    case 4: read_hold(bytes); break;
    case 5: read_stats(bytes); break;
    case 6: read_name(bytes); break;
    case 7: read_schema(bytes); break;
    case 8: read_descriptor(bytes); break;
    case 9: read_varying(bytes); break;
    case 10: read_log(bytes); break;
    case 11:
      put(ring, bytes);
      read_ring(ring, generic_type());
      break;
    default: read_board(bytes);
  }
  return 0;
}
