// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/describe_options.hpp"

namespace horus::cli {

namespace {

OptionUsage describe_option(const CLI::Option& option) {
  OptionUsage usage;
  usage.text = option.get_description();
  if (option.get_positional()) {
    usage.type = option.get_type_name();
    usage.spelling = usage.type;
    return usage;
  }
  usage.name = "--" + option.get_lnames().front();
  usage.spelling = usage.name;
  if (option.get_items_expected_max() == 0) return usage;
  usage.type = option.get_type_name();
  usage.spelling +=
      option.get_items_expected_min() == 0 ? " [" + usage.type + "]" : " " + usage.type;
  return usage;
}

}  // namespace

CommandUsage describe_options(const Command& command) {
  CLI::App app;
  app.set_help_flag();
  const Places places;
  command.declare(app, places);
  CommandUsage usage;
  usage.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    usage.options.push_back(describe_option(*option));
    const std::string& spelling = usage.options.back().spelling;
    usage.synopsis += option->get_required() ? " " + spelling : " [" + spelling + "]";
  }
  return usage;
}

}  // namespace horus::cli
