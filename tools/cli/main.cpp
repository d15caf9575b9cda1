// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/command.hpp"

int main(int argc, char** argv) {
  horus::cli::Output output;
  return horus::cli::run(argc, argv, output);
}
