// tessera doctor: what this build and this machine offer.
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>

#include "framework/backend/cpu.h"
#include "framework/backend/cuda_info.h"
#include "framework/cli/build_info.h"
#include "framework/cli/commands.h"
#include "framework/cli/cuda_rates.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// The value of the first line "name : value" of a file of /proc; empty where there is none.
std::string proc_value(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == line.npos || !line.starts_with(name)) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == line.npos ? "" : line.substr(begin);
  }
  return "";
}

void print_line(const std::string& name, const std::string& value) {
  std::cout << "  " << std::left << std::setw(16) << name << value << "\n";
}

void print_build() {
  std::cout << "tessera " << kVersion << " (" << kBuildType << ", GCC " << __VERSION__ << ")\n\n"
            << "Build\n";
  for (const BuildFeature& feature : kBuildFeatures)
    print_line(feature.name, concat(std::left, std::setw(4), feature.state, "  ", feature.reason));
}

std::string gibibytes(double bytes) {
  return concat(std::fixed, std::setprecision(1), bytes / (1 << 30), " GiB");
}

void print_machine() {
  utsname system{};
  ::uname(&system);
  std::cout << "\nMachine\n";
  print_line("system", concat(system.sysname, " ", system.release, " ", system.machine));
  print_line("processor", proc_value("/proc/cpuinfo", "model name"));
  print_line("kernels",
             concat(cpu().isa(), cpu().isa() == detect_cpu_isa() ? ", the best of this processor"
                                                                 : ", by TESSERA_CPU_ISA"));
  print_line("threads", concat(cpu().threads()));
  const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double pages = static_cast<double>(::sysconf(_SC_PHYS_PAGES));
  const std::string available = proc_value("/proc/meminfo", "MemAvailable");  // in kB
  print_line("memory", concat(gibibytes(page * pages), ", available ",
                              gibibytes(1024 * std::strtod(available.c_str(), nullptr))));
}

void print_cuda() {
  if constexpr (kCudaBuild) {
    const CudaInfo info = cuda_info();
    std::cout << "\nCUDA\n";
    print_line("driver", info.driver);
    print_line("libraries", concat("runtime ", info.runtime, ", cuBLASLt ", info.cublas, ", cuDNN ",
                                   info.cudnn));
    print_line("code for", info.architectures);
    if (info.devices.empty()) print_line("devices", "none: " + info.reason);
    for (size_t i = 0; i < info.devices.size(); ++i) {
      const CudaDeviceInfo& device = info.devices[i];
      print_line(concat("cuda:", i),
                 concat(device.name, ", sm_", device.capability, ", ", device.multiprocessors,
                        " multiprocessors, ", gibibytes(static_cast<double>(device.memory_bytes)),
                        ", free ", gibibytes(static_cast<double>(device.free_bytes))));
      const CudaRates rates = measure_cuda_rates({Device::Type::cuda, static_cast<int>(i)});
      print_line("", concat(std::fixed, std::setprecision(0), "copies ", rates.copy_gb_per_s,
                            " GB/s (read and written), bf16 products ", rates.gemm_tflops,
                            " TFLOP/s (8192 x 8192 x 8192, random)"));
    }
  }
}

void print_data() {
  const char* variable = std::getenv("TESSERA_DATA");
  const fs::path root = variable && *variable ? variable : "data";
  std::cout << "\nData in " << root.string() << (variable ? " (TESSERA_DATA)" : "") << "\n";
  std::error_code code;
  std::vector<std::string> names;
  for (fs::directory_iterator it(root, code), end; !code && it != end; it.increment(code))
    names.push_back(it->path().filename().string() + (it->is_directory(code) ? "/" : ""));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) print_line(name, "");
  if (names.empty()) print_line("nothing", "`tessera data fetch NAME` brings a data set here");
  print_line("glyphs", "built in");
}

void diagnose() {
  print_build();
  print_machine();
  print_cuda();
  print_data();
}

}  // namespace

void add_doctor_command(CLI::App& program, Action& action) {
  program.add_subcommand("doctor", "Print what this build and this machine offer")
      ->callback([&action] { action = diagnose; });
}

}  // namespace tessera
