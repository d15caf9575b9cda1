// SPDX-License-Identifier: Apache-2.0
#include "rt/base/printable.hpp"

#include <gtest/gtest.h>

namespace horus {
namespace {

TEST(Printable, letters_of_any_alphabet_pass) {
  EXPECT_EQ(printable("Grüße, 日本, 🤖"), "Grüße, 日本, 🤖");
}

TEST(Printable, what_a_terminal_would_obey_becomes_a_question_mark) {
  EXPECT_EQ(printable("\x1b[2J"), "?[2J");
  EXPECT_EQ(printable("a\nb\tc\rd\x7f"), "a?b?c?d?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // The CSI of the C1 controls.
  EXPECT_EQ(printable(std::string_view{"\0", 1}), "?");
}

TEST(Printable, broken_utf8_becomes_question_marks_and_loses_nothing_else) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a?b");
  EXPECT_EQ(printable("\xe6\x97"), "??");       // Cut short.
  EXPECT_EQ(printable("\xc0\x80x"), "??x");     // An overlong zero.
  EXPECT_EQ(printable("\xf5\x80\x80"), "???");  // Beyond Unicode.
}

}  // namespace
}  // namespace horus
