// tessera bench --calibrate [-o FILE] [--threads N]
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

#include "framework/backend/cpu.h"
#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/infer/cost_model.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

struct CalibrateArguments {
  bool asked = false;
  int threads = 0;
  std::string output;
};

void print(const char* layers, const CostModel::Coefficients& c) {
  std::cout << std::left << std::setw(14) << layers << std::right << std::setprecision(3)
            << c[0] * 1e3 << " us + " << c[1] * 1e9 << " ps a product + " << c[2] * 1e6
            << " ns an output + " << c[3] * 1e9 << " ps a single weight + " << c[4] * 1e9
            << " ps a weight read\n";
}

void run_calibration(const CalibrateArguments& arguments) {
  if (arguments.threads > 0) cpu().set_threads(arguments.threads);
  const std::filesystem::path path = arguments.output.empty()
                                         ? default_calibration_file()
                                         : std::filesystem::path(arguments.output);
  require(!path.empty(),
          "[calibration] the file must be given where neither TESSERA_CALIBRATION, "
          "XDG_CACHE_HOME nor HOME is set; got none. Use -o FILE.");
  if (arguments.output.empty() && path.has_parent_path())
    std::filesystem::create_directories(path.parent_path());
  const CostModel model = calibrate();
  write_file_atomically(path, to_json(model));
  std::cout << path.string() << ": " << model.isa << ", " << model.threads
            << " threads; half of the samples are within " << std::setprecision(2)
            << 100 * model.median_error << "%\n";
  print("linear", model.linear);
  print("convolution", model.convolution);
}

}  // namespace

void add_calibrate_option(CLI::App& bench, Action& action) {
  auto arguments = std::make_shared<CalibrateArguments>();
  CLI::Option* const calibrate = bench.add_flag(
      "--calibrate", arguments->asked, "Measure the cost model of the sparse kernels here");
  bench
      .add_option("-o,--output", arguments->output,
                  "Of --calibrate: the file ($TESSERA_CALIBRATION, else "
                  "~/.cache/tessera/calibration.json)")
      ->needs(calibrate);
  bench.add_option("--threads", arguments->threads, "Of --calibrate: threads (all processors)")
      ->needs(calibrate)
      ->check(CLI::Range(1, 4096));
  bench.callback([=, &bench, &action] {
    const bool has_product = !bench.get_subcommands().empty();
    require(arguments->asked != has_product,
            "[usage] bench takes one of gemm, conv, train and --calibrate; got ",
            has_product ? "two" : "none", ".");
    if (arguments->asked) action = [=] { run_calibration(*arguments); };
  });
}

}  // namespace tessera
