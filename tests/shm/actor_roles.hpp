// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>
#include <string>

namespace horus::test {

inline void say(const std::string& text) {
  std::cout << text << std::endl;
}

/// For each line, a process that prepares the operation the line names, says its pid, and does it
/// after the next line, between two stops of itself. A fork of this one: starting a program for
/// every instruction takes too long.
int stepped(const std::string& base);

/// Has a file of every kind. "send": a message; "shrink"/"punch" SUFFIX: does that to its own.
int owner(const std::string& base);
/// For each line, tries what it must not be able to do to others' files; says what it could.
int intruder(const std::string& base);
/// For each line, writes that many times into every bell and rings it.
int bell_ringer(const std::string& base);
/// Sends a message for each line.
int sender(const std::string& base);
/// "take": says the next message's number. "wait MS": waits in vain, says how often it slept.
int sleeper(const std::string& base);

}  // namespace horus::test
