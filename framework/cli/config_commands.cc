// tessera config check | dump | schema | reference
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/io/load_config.h"
#include "framework/io/schema_text.h"

namespace tessera {
namespace {

void check(const ConfigArguments& arguments) {
  load_config(arguments.path, arguments.overrides);
  std::cout << arguments.path << ": good\n";
}

void dump(const ConfigArguments& arguments) {
  std::cout << dump_config(load_config(arguments.path, arguments.overrides));
}

}  // namespace

void add_config_commands(CLI::App& program, Action& action) {
  CLI::App* config = program.add_subcommand("config", "Configs: check, print, describe");
  config->require_subcommand(1);
  const auto add = [&](const char* name, const char* doc, void (*run)(const ConfigArguments&)) {
    CLI::App* command = config->add_subcommand(name, doc);
    auto arguments = std::make_shared<ConfigArguments>();
    add_config_arguments(*command, *arguments);
    command->callback([=, &action] { action = [=] { run(*arguments); }; });
  };
  add("check", "Report all mistakes of a config; run nothing", check);
  add("dump", "Print a config with every default and override resolved", dump);
  const auto add_text = [&](const char* name, const char* doc, std::string (*text)()) {
    config->add_subcommand(name, doc)->callback(
        [=, &action] { action = [=] { std::cout << text(); }; });
  };
  add_text("schema", "Print the JSON Schema of configs, for editors", config_json_schema);
  add_text("reference", "Print the reference page of all keys (docs/config.md)", config_reference);
}

}  // namespace tessera
