// SPDX-License-Identifier: Apache-2.0
#include "rt/safety.hpp"

#include <horus/node.hpp>

namespace horus {

namespace {

/// The place of the note; null before use(). use() sets it last: a thread that sees it also sees
/// the other places.
Seqlock<StopNote>* note_place(const Safety::Places& places) noexcept {
  auto& note = const_cast<Seqlock<StopNote>*&>(places.note);
  // acquire: see use().
  return std::atomic_ref{note}.load(std::memory_order_acquire);
}

}  // namespace

void Safety::use(const Places& places) noexcept {
  places_.own = places.own;
  places_.others = places.others;
  places_.nodes = places.nodes;
  Seqlock<StopNote>* const note = places.note != nullptr ? places.note : &own_note_;
  // release: see note_place().
  std::atomic_ref{places_.note}.store(note, std::memory_order_release);
  // Requests that came before use() have not been shown to others yet.
  const View view = look();
  if (view.resting() && note != &own_note_) {
    if (const auto reason = own_note_.load()) note->store(*reason);
  }
  StopWord* const own = places_.own;
  if (own == nullptr) return;
  // Either a stop came before use(): count it in the page. Or the host's earlier life ended with a
  // stop of its own, or held by another host's stop, that was not released: stop again.
  if (view.stopped()) {
    hold(early_.since_ns.load());
    if (early_.stops.load() > early_.began.load()) own->stops.fetch_add(1);
  } else if (own->stops.load() > own->began.load()) {
    request_stop(StopCause::kLatch, "it was stopped when it ended");
  } else if (const std::int64_t since = own->since_ns.load(); since > 0) {
    follow(since);
  }
}

StopWord* Safety::own_word() const noexcept {
  return note_place(places_) != nullptr ? places_.own : nullptr;
}

/// Stores when the stop that holds this host was requested; of several stops the latest counts.
void Safety::hold(std::int64_t since_ns) noexcept {
  StopWord* const own = own_word();
  auto& since = own != nullptr ? own->since_ns : early_.since_ns;
  std::int64_t before = since.load();
  while (before < since_ns && !since.compare_exchange_weak(before, since_ns)) {
  }
}

void Safety::request_stop(StopCause cause, std::string_view text, std::string_view node) noexcept {
  // Counted before the stop itself: use() looks at the word first and at this count afterwards.
  if (own_word() == nullptr) early_.stops.fetch_add(1);
  // The stop itself comes first, here and in the calls below; telling others comes later.
  const View view = ask(Rest::kResting | Rest::kEstopped);
  shut_outputs();
  // Before the count below: a host that sees the new count also finds the instant.
  hold(to_ns(MonotonicClock::now()));
  if (StopWord* const own = own_word(); own != nullptr) own->stops.fetch_add(1);
  keep(view, cause, text, node);
}

void Safety::follow(std::int64_t since_ns) noexcept {
  const bool stopped = look().stopped();
  const View view = stopped ? look() : ask(Rest::kResting | Rest::kEstopped);
  if (!stopped) shut_outputs();
  hold(since_ns);
  if (!stopped) keep(view, StopCause::kPeer, "another host has stopped", {});
}

void Safety::request_safe_state(StopCause cause, std::string_view text,
                                std::string_view node) noexcept {
  const View view = ask(Rest::kResting);
  shut_outputs();
  keep(view, cause, text, node);
}

void Safety::shut_outputs() noexcept {
  if (note_place(places_) == nullptr) return;
  for (NodeStats& node : places_.nodes) {
    if (node.actuator.value() != 0) node.outputs_shut.store(1);
  }
}

/// Sets `bits`, counts the request, and begins a new episode unless the run is at rest already.
Safety::View Safety::ask(std::uint64_t bits) noexcept {
  std::uint64_t word = word_.load();
  std::uint64_t wanted = 0;
  do {
    wanted = (word | bits) + kRequest;
    if (!View{word}.resting()) {
      const std::uint64_t episode = (View{word}.episode() + 1) & Rest::kEpisodes;
      wanted = (wanted & ~(Rest::kEpisodes << Rest::kEpisodeAt)) | (episode << Rest::kEpisodeAt);
    }
  } while (!word_.compare_exchange_weak(word, wanted));
  return {wanted};
}

bool Safety::follow_others() noexcept {
  const int row = places_.others->look();
  if (row < 0) return false;
  const std::int64_t since = places_.others->since(row);
  follow(since != 0 ? since : to_ns(MonotonicClock::now()));
  return true;
}

void Safety::keep(View view, StopCause cause, std::string_view text,
                  std::string_view node) noexcept {
  // Another thread writes a reason just now. This one is dropped: a signal handler must not wait.
  if (noting_.exchange(true)) return;
  // An emergency stop replaces the reason of a fault before it; otherwise the first reason stays.
  const std::uint64_t stage = std::uint64_t{view.episode()} << 1U | (view.stopped() ? 1U : 0U);
  const std::uint64_t noted = noted_.load();
  if (noted >> 1U != view.episode() || noted < stage) {
    noted_.store(stage);
    Seqlock<StopNote>* const place = note_place(places_);
    (place != nullptr ? *place : own_note_)
        .store({.cause = cause,
                .at_ns = to_ns(MonotonicClock::now()),
                .node = NodeName::clipped(node),
                .text = Name<160>::clipped(text)});
  }
  noting_.store(false);
}

void Tick::estop(std::string_view why) const noexcept {
  if (run != nullptr) run->request_stop(StopCause::kCall, why);
}

std::optional<StopNote> Safety::note() const noexcept {
  const View view = look();
  if (!view.resting() || noted_.load() >> 1U != view.episode()) return std::nullopt;
  const Seqlock<StopNote>* const place = note_place(places_);
  return (place != nullptr ? *place : own_note_).load();
}

bool Safety::release(View seen) noexcept {
  if (!seen.resting()) return !look().resting();
  const std::uint64_t episode = (seen.episode() + 1) & Rest::kEpisodes;
  // The own stop word shows to hosts that start later what was released. Its values are read before
  // the release: if a stop comes in between, it changes word_ and the exchange fails.
  StopWord& own = own_word() != nullptr ? *own_word() : early_;
  const std::uint64_t stops = own.stops.load();
  std::int64_t since = own.since_ns.load();
  const std::uint64_t others =
      ~(Rest::kResting | Rest::kEstopped | (Rest::kEpisodes << Rest::kEpisodeAt));
  if (!word_.compare_exchange_strong(seen.word,
                                     (seen.word & others) | (episode << Rest::kEpisodeAt))) {
    return false;
  }
  own.began.store(stops);
  if (since > 0) own.since_ns.compare_exchange_strong(since, -since);
  return true;
}

}  // namespace horus
