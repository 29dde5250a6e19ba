// tessera bench gemm | conv | train | --calibrate
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "framework/backend/cpu.h"
#include "framework/cli/commands.h"
#include "framework/cli/kernel_bench.h"

namespace tessera {
namespace {

struct BenchArguments {
  KernelBenchOptions options;
  std::vector<double> sparsities{0.75};
  int threads = 0;
  bool json = false;
};

nlohmann::ordered_json to_json(const KernelBenchOptions& options, const KernelBenchResult& r) {
  nlohmann::ordered_json json;
  if (options.convolution)
    json = {{"bench", "conv"},          {"batch", options.batch}, {"in", options.in},
            {"out", options.out},       {"size", options.size},   {"kernel", options.kernel},
            {"stride", options.stride}, {"pad", options.padding}, {"groups", options.groups}};
  else
    json = {{"bench", "gemm"}, {"m", options.batch}, {"k", options.in}, {"n", options.out}};
  json.update({{"pattern", options.pattern},
               {"form", r.form},
               {"sparsity", r.sparsity},
               {"granularity", r.granularity},
               {"threads", cpu().threads()},
               {"isa", concat(cpu().isa())},
               {"dense_ms", r.dense_ms},
               {"best_library_ms", r.best_library_ms},
               {"best_library", r.best_library},
               {"sparse_ms", r.sparse_ms},
               {"ratio", r.ratio},
               {"ideal", r.ideal},
               {"max_rel_err", r.max_rel_err},
               {"gflops", r.gflops},
               {"scatter", r.scatter}});
  for (const auto& library : r.libraries) json["libraries"][library.name] = library.ms;
  return json;
}

void print_row(const std::string& name, double ms, double sparse_ms) {
  std::cout << std::left << std::setw(18) << name << std::right << std::fixed
            << std::setprecision(3) << std::setw(10) << ms << " ms" << std::setprecision(2)
            << std::setw(9) << ms / sparse_ms << "x\n";
}

/// Quartiles of the same product's times further apart than this mean a busy machine.
constexpr double kMostScatter = 1.25;

/// Says when the numbers must not be quoted.
void check_plausible(const KernelBenchResult& r) {
  std::cerr << std::fixed << std::setprecision(2);
  if (r.scatter > kMostScatter)
    std::cerr << "tessera: [bench] the times scatter by " << r.scatter
              << "x between quartiles: the machine is busy, and the ratios mean little.\n";
  // No product can gain more than the multiplications that it leaves out.
  if (r.ratio > r.ideal)
    std::cerr << "tessera: [bench] the ratio " << r.ratio << " is above the limit "
              << "1 / (1 - sparsity) = " << r.ideal
              << ": the dense times are not the best possible. Do not quote it.\n";
}

void print_table(const KernelBenchOptions& options, const KernelBenchResult& r) {
  std::cout << options.pattern << ", " << r.form << "\n";
  print_row("sparse", r.sparse_ms, r.sparse_ms);
  print_row("dense", r.dense_ms, r.sparse_ms);
  for (const auto& library : r.libraries) print_row(library.name, library.ms, r.sparse_ms);
  std::cout << std::setprecision(2) << "sparsity " << 100 * r.sparsity
            << "%: " << (r.ratio >= 1 ? "sparse wins, " : "dense wins, ") << r.ratio
            << "x the best dense time of an ideal " << r.ideal << "x (" << std::setprecision(0)
            << 100 * r.ratio / r.ideal << "% of it), " << r.gflops << " GFLOP/s\n"
            << std::scientific << std::setprecision(1)
            << "largest error against the dense masked product " << r.max_rel_err
            << std::defaultfloat << "\n";
}

void bench(const BenchArguments& arguments) {
  if (arguments.threads > 0) cpu().set_threads(arguments.threads);
  for (const double sparsity : arguments.sparsities) {
    KernelBenchOptions options = arguments.options;
    options.sparsity = sparsity;
    const KernelBenchResult result = bench_kernel(options);
    check_plausible(result);
    if (arguments.json)
      std::cout << to_json(options, result).dump() << std::endl;
    else
      print_table(options, result);
  }
}

std::shared_ptr<BenchArguments> add_common(CLI::App& command, Action& action,
                                           KernelBenchOptions defaults) {
  auto arguments = std::make_shared<BenchArguments>();
  arguments->options = defaults;
  KernelBenchOptions& options = arguments->options;
  command.add_option("--pattern", options.pattern, "Of pruning: tw, tew, tvw, bw, vw, ew ...")
      ->capture_default_str();
  command.add_option("--sparsity", arguments->sparsities, "Shares of zeros, one or several")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 0.999))
      ->capture_default_str();
  command
      .add_option("--granularity", options.granularity,
                  "Outputs of a tile (64), extent of a block (32), length of a vector (16)")
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--seconds", options.seconds, "Of timing, about")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command.add_option("--threads", arguments->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 4096));
  command.add_flag("--json", arguments->json, "Print one line of JSON");
  command.callback([=, &action] { action = [=] { bench(*arguments); }; });
  return arguments;
}

void add_extent(CLI::App& command, const char* name, int64_t& value, const char* doc,
                int64_t min = 1) {
  command.add_option(name, value, doc)
      ->check(CLI::Range(min, int64_t{1} << 20))
      ->capture_default_str();
}

}  // namespace

void add_bench_commands(CLI::App& program, Action& action) {
  CLI::App* group =
      program.add_subcommand("bench", "Time one product, sparse against dense, or a training step");
  group->require_subcommand(0, 1);
  add_calibrate_option(*group, action);

  CLI::App* gemm = group->add_subcommand("gemm", "Y[M, N] = X[M, K] W[K, N]");
  KernelBenchOptions& g = add_common(*gemm, action, {})->options;
  add_extent(*gemm, "--m", g.batch, "Rows of the activations");
  add_extent(*gemm, "--k", g.in, "Inputs");
  add_extent(*gemm, "--n", g.out, "Outputs");

  CLI::App* conv = group->add_subcommand("conv", "A convolution");
  KernelBenchOptions& c =
      add_common(*conv, action, {.convolution = true, .batch = 64, .in = 128, .out = 128})->options;
  add_extent(*conv, "--batch", c.batch, "Images");
  add_extent(*conv, "--in", c.in, "Channels in");
  add_extent(*conv, "--out", c.out, "Channels out");
  add_extent(*conv, "--size", c.size, "Pixels of a side");
  add_extent(*conv, "--kernel", c.kernel, "Extent of the kernel");
  add_extent(*conv, "--stride", c.stride, "Pixels between windows");
  add_extent(*conv, "--pad", c.padding, "Zeros on each side", 0);
  add_extent(*conv, "--groups", c.groups, "Blocks of channels that do not mix");

  add_train_bench_command(*group, action);
}

}  // namespace tessera
