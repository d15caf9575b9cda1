// SPDX-License-Identifier: Apache-2.0
#include "shm/image.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "shm/image_state.hpp"
#include "shm/session_impl.hpp"

namespace horus::shm {
namespace {

constexpr std::uint32_t kImageCapacity = 8;

std::uint64_t generation_of(const msg::TensorDescriptor& tensor) noexcept {
  return (std::uint64_t{tensor.generation_hi} << 32) | tensor.generation;
}

msg::ImageDescriptor describe(const OwnPool& pool, const BlockRef& block, std::uint32_t height,
                              std::uint32_t width, Encoding encoding) noexcept {
  const EncodingInfo& kind = info(encoding);
  const std::uint64_t element = size_of(kind.dtype);
  const std::uint64_t step = std::uint64_t{width} * kind.channels * element;
  msg::ImageDescriptor image;
  image.tensor.pool_id = pool.id();
  image.tensor.slot_id = block.index;
  image.tensor.generation = static_cast<std::uint32_t>(block.generation);
  image.tensor.generation_hi = static_cast<std::uint32_t>(block.generation >> 32);
  image.tensor.size = step * height;
  image.tensor.dtype = static_cast<std::uint8_t>(kind.dtype);
  image.tensor.ndim = kind.channels > 1 ? 3 : 2;
  const std::array<std::uint64_t, 3> shape{height, width, kind.channels};
  const std::array<std::uint64_t, 3> strides{step, kind.channels * element, element};
  std::copy_n(shape.begin(), image.tensor.ndim, image.tensor.shape);
  std::copy_n(strides.begin(), image.tensor.ndim, image.tensor.strides);
  image.step = static_cast<std::uint32_t>(step);
  image.encoding = static_cast<std::uint8_t>(encoding);
  return image;
}

}  // namespace

bool sound(const msg::ImageDescriptor& image) noexcept {
  if (image.encoding > static_cast<std::uint8_t>(Encoding::kDepth16)) return false;
  const EncodingInfo& kind = info(static_cast<Encoding>(image.encoding));
  const auto& tensor = image.tensor;
  if (tensor.ndim != (kind.channels > 1 ? 3 : 2) || tensor.offset != 0) return false;
  // A side of 65,535 pixels keeps every product below 2^64.
  if (tensor.shape[0] == 0 || tensor.shape[0] > kMaxSide || tensor.shape[1] == 0 ||
      tensor.shape[1] > kMaxSide) {
    return false;
  }
  return image.step == tensor.shape[1] * kind.channels * size_of(kind.dtype) &&
         tensor.size == image.step * tensor.shape[0];
}

std::uint32_t Image::height() const noexcept {
  return static_cast<std::uint32_t>(state_->descriptor.tensor.shape[0]);
}
std::uint32_t Image::width() const noexcept {
  return static_cast<std::uint32_t>(state_->descriptor.tensor.shape[1]);
}
Encoding Image::encoding() const noexcept {
  return static_cast<Encoding>(state_->descriptor.encoding);
}
std::uint32_t Image::step() const noexcept {
  return state_->descriptor.step;
}
std::span<const std::byte> Image::bytes() const noexcept {
  return state_->bytes;
}
std::span<std::byte> Image::writable() noexcept {
  return state_->writable;
}
bool Image::read_only() const noexcept {
  return state_->writable.empty();
}
std::uint64_t Image::timestamp_ns() const noexcept {
  return state_->descriptor.timestamp_ns;
}
void Image::set_timestamp_ns(std::uint64_t ns) noexcept {
  state_->descriptor.timestamp_ns = ns;
}

std::string_view Image::frame_id() const noexcept {
  const auto* text = reinterpret_cast<const char*>(state_->descriptor.frame_id);
  return {text, ::strnlen(text, sizeof state_->descriptor.frame_id)};
}

bool Image::set_frame_id(std::string_view id) noexcept {
  auto& field = state_->descriptor.frame_id;
  if (id.size() >= sizeof field) return false;
  std::ranges::fill(field, std::uint8_t{0});
  std::ranges::copy(id, field);
  return true;
}

Result<Image> Session::image(std::uint32_t height, std::uint32_t width, Encoding encoding) {
  if (height == 0 || width == 0 || height > kMaxSide || width > kMaxSide) {
    return Error{Errc::kInvalidArgument, "an image's sides are 1 to 65,535 pixels", 0, {}};
  }
  const EncodingInfo& kind = info(encoding);
  const std::size_t size = std::size_t{height} * width * kind.channels * size_of(kind.dtype);
  auto taken = impl_->take_block(size);
  if (!taken) return taken.error();
  auto& [pool, block] = taken.value();
  auto state = make_image_state();
  state->descriptor = describe(*pool, block, height, width, encoding);
  state->writable = pool->block(block.index).first(size);
  state->bytes = state->writable;
  state->own = std::move(pool);
  return Image{std::move(state)};
}

struct ImagePublisher::State {
  Session* session = nullptr;
  Publisher<msg::ImageDescriptor> raw;
  std::vector<std::shared_ptr<ImageState>> window;  ///< What the ring's descriptors refer to.
  std::size_t next = 0;
};

ImagePublisher::ImagePublisher() noexcept = default;
ImagePublisher::ImagePublisher(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
ImagePublisher::ImagePublisher(ImagePublisher&&) noexcept = default;
ImagePublisher& ImagePublisher::operator=(ImagePublisher&&) noexcept = default;
ImagePublisher::~ImagePublisher() = default;

bool ImagePublisher::send(const Image& image) noexcept {
  std::shared_ptr<ImageState> frame = image.state();
  if (!frame->own || !state_->session->impl().owns(*frame->own)) {
    auto copy = state_->session->image(image.height(), image.width(), image.encoding());
    if (!copy) return false;
    std::ranges::copy(image.bytes(), copy.value().writable().begin());
    copy.value().set_timestamp_ns(image.timestamp_ns());
    copy.value().set_frame_id(image.frame_id());
    frame = copy.value().state();
  }
  // The frame joins the window before its descriptor does, and the one that leaves the window
  // leaves the ring with this very send.
  std::swap(state_->window[state_->next], frame);
  const bool sent = state_->raw.send(state_->window[state_->next]->descriptor);
  if (sent) {
    state_->next = (state_->next + 1) % state_->window.size();
  } else {
    std::swap(state_->window[state_->next], frame);
  }
  return sent;
}

std::uint64_t ImagePublisher::sent() const noexcept {
  return state_->raw.sent();
}

struct ImageSubscriber::State {
  Session* session = nullptr;
  Subscriber<msg::ImageDescriptor> raw;
  std::vector<std::shared_ptr<PeerPool>> pools;  ///< Those that frames came from so far.
  std::uint64_t lost = 0;                        ///< Descriptors whose frame was gone.
  MessageCounters counters;
  std::uint64_t counted_missed = 0;

  std::uint64_t missed() const noexcept { return raw.missed() + lost; }
  void count_missed() noexcept {
    count(counters.dropped, missed() - std::exchange(counted_missed, missed()));
  }
  PeerPool* pool(std::uint32_t id);
  Image frame_of(const msg::ImageDescriptor& descriptor);
};

PeerPool* ImageSubscriber::State::pool(std::uint32_t id) {
  const auto found =
      std::ranges::find_if(pools, [id](const auto& pool) { return pool->id() == id; });
  if (found != pools.end()) return found->get();
  auto opened = session->impl().peer_pool(id);
  if (!opened) return nullptr;
  // Publishers that come and go leave no memory behind: what is held keeps its pool by itself.
  std::erase_if(pools, [](const auto& pool) { return !pool->alive(); });
  pools.push_back(std::move(opened).value());
  return pools.back().get();
}

Image ImageSubscriber::State::frame_of(const msg::ImageDescriptor& descriptor) {
  const auto& tensor = descriptor.tensor;
  PeerPool* from = sound(descriptor) ? pool(tensor.pool_id) : nullptr;
  if (from == nullptr) return {};
  const auto bytes = from->payload(tensor.slot_id, tensor.size);
  if (bytes.empty()) return {};
  const std::uint64_t generation = generation_of(tensor);
  auto state = make_image_state();
  state->descriptor = descriptor;
  if (from->acknowledged()) {
    if (!from->hold(tensor.slot_id, generation)) return {};
    state->bytes = bytes;
    state->peer =
        *std::ranges::find_if(pools, [from](const auto& pool) { return pool.get() == from; });
    return Image{std::move(state)};
  }
  // Not yet known to the owner: a hold would not count, so the pixels are copied, and the copy is
  // good if the block was not taken back meanwhile.
  state->copied.assign(bytes.begin(), bytes.end());
  if (!from->is_current(tensor.slot_id, generation)) return {};
  state->bytes = state->copied;
  return Image{std::move(state)};
}

ImageSubscriber::ImageSubscriber() noexcept = default;
ImageSubscriber::ImageSubscriber(std::unique_ptr<State> state) noexcept
    : state_{std::move(state)} {}
ImageSubscriber::ImageSubscriber(ImageSubscriber&&) noexcept = default;
ImageSubscriber& ImageSubscriber::operator=(ImageSubscriber&&) noexcept = default;
ImageSubscriber::~ImageSubscriber() = default;

Image ImageSubscriber::take() noexcept {
  while (auto descriptor = state_->raw.take()) {
    if (Image image = state_->frame_of(*descriptor)) {
      count(state_->counters.received);
      state_->count_missed();
      return image;
    }
    ++state_->lost;
  }
  state_->count_missed();
  return {};
}

Image ImageSubscriber::take_latest() noexcept {
  constexpr int kMaxTries = 8;  // A publisher that takes back each frame at once is not waited for.
  Image newest;
  for (int tried = 0; !newest && tried < kMaxTries; ++tried) {
    const std::uint64_t before = state_->raw.received();
    const auto descriptor = state_->raw.take_latest();
    if (!descriptor) break;
    newest = state_->frame_of(*descriptor);
    if (!newest) ++state_->lost;
    count(state_->counters.received, state_->raw.received() - before - (newest ? 0U : 1U));
  }
  state_->count_missed();
  return newest;
}

bool ImageSubscriber::has_message() const noexcept {
  return state_->raw.has_message();
}
bool ImageSubscriber::wait_until(TimePoint until) noexcept {
  return state_->raw.wait_until(until);
}
void ImageSubscriber::interrupt() noexcept {
  state_->raw.interrupt();
}
std::uint64_t ImageSubscriber::received() const noexcept {
  return state_->raw.received() - state_->lost;
}
std::uint64_t ImageSubscriber::missed() const noexcept {
  return state_->missed();
}
std::uint64_t ImageSubscriber::torn() const noexcept {
  return state_->raw.torn();
}

Result<ImagePublisher> Session::image_publisher(std::string_view topic, TopicOptions options) {
  if (options.capacity == 0) options.capacity = kImageCapacity;
  auto raw = publisher<msg::ImageDescriptor>(topic, options);
  if (!raw) return raw.error();
  auto state = std::make_unique<ImagePublisher::State>();
  state->session = this;
  state->raw = std::move(raw).value();
  state->window.resize(state->raw.capacity());
  return ImagePublisher{std::move(state)};
}

Result<ImageSubscriber> Session::image_subscriber(std::string_view topic, TopicOptions options) {
  if (options.capacity == 0) options.capacity = kImageCapacity;
  // Counted by frames, not by descriptors.
  const MessageCounters counters = std::exchange(options.counters, {});
  auto raw = subscriber<msg::ImageDescriptor>(topic, options);
  if (!raw) return raw.error();
  auto state = std::make_unique<ImageSubscriber::State>();
  state->session = this;
  state->counters = counters;
  state->raw = std::move(raw).value();
  return ImageSubscriber{std::move(state)};
}

}  // namespace horus::shm
