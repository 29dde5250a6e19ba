// tessera report RUN... [-o FILE]
#include "framework/train/report.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"

namespace tessera {
namespace {

struct ReportArguments {
  std::vector<std::filesystem::path> runs;
  std::string output;
};

void report(const ReportArguments& arguments) {
  std::filesystem::path output = arguments.output;
  if (output.empty())
    output = arguments.runs.size() == 1 ? arguments.runs[0] / "report.html" : "report.html";
  write_run_report(arguments.runs, output);
  std::cout << output.string() << ": " << std::filesystem::file_size(output) << " bytes\n";
}

}  // namespace

void add_report_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("report", "Write a page about runs, which needs no network");
  auto arguments = std::make_shared<ReportArguments>();
  command->add_option("RUN", arguments->runs, "Folders of runs")->required();
  command->add_option("-o,--output", arguments->output,
                      "The HTML file (report.html in the run's folder; of several runs, here)");
  command->callback([=, &action] { action = [=] { report(*arguments); }; });
}

}  // namespace tessera
