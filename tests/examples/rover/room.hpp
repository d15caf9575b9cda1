// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace rover {

/// The room that the simulated rover drives in: four walls and three round pillars.
struct Pillar {
  double x;
  double y;
  double radius;
};
inline constexpr double kHalfLength = 4.0;  ///< m, along x.
inline constexpr double kHalfWidth = 3.0;   ///< m, along y.
inline constexpr std::array<Pillar, 3> kPillars{
    {{2.0, 1.2, 0.3}, {-1.5, -1.5, 0.4}, {1.5, -2.0, 0.2}}};

/// How far a ray from (x, y) along `angle` goes before it meets something, in metres; 0 inside a
/// pillar or outside the room. RT-safe.
inline double clear_distance(double x, double y, double angle) noexcept {
  if (std::abs(x) >= kHalfLength || std::abs(y) >= kHalfWidth) return 0.0;
  const double dx = std::cos(angle);
  const double dy = std::sin(angle);
  // A ray along a wall never meets it: the division gives an infinite distance, which is right.
  double distance =
      std::min((std::copysign(kHalfLength, dx) - x) / dx, (std::copysign(kHalfWidth, dy) - y) / dy);
  for (const Pillar& pillar : kPillars) {
    const double px = pillar.x - x;
    const double py = pillar.y - y;
    const double along = px * dx + py * dy;
    const double aside_squared = px * px + py * py - along * along;
    const double half_chord_squared = pillar.radius * pillar.radius - aside_squared;
    if (half_chord_squared < 0.0) continue;
    const double half_chord = std::sqrt(half_chord_squared);
    if (along + half_chord < 0.0) continue;  // It lies behind.
    distance = std::min(distance, std::max(along - half_chord, 0.0));
  }
  return distance;
}

}  // namespace rover
