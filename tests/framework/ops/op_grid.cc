// The proof that every op has its checks: after a whole run with TESSERA_OP_GRID set, prints a row
// for each op in framework/ops with what its cases checked and the widest tolerance they allowed,
// and names every hole.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/framework/ops/op_case.h"

namespace tessera::testing {
namespace {

/// The ops are the stems of framework/ops whose header declares a function of that name that gives
/// a tensor or, where there are several results, a struct named ...Output.
std::vector<std::string> all_ops() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator("framework/ops")) {
    if (entry.path().extension() != ".h") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string stem = entry.path().stem().string();
    for (const char* result : {"\nTensor ", "Output "})
      if (text.find(result + stem + "(") != std::string::npos) out.push_back(stem);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// All rows whose test case is named "op" or "op: ...".
GridRow row_of(const std::string& op) {
  GridRow out;
  for (const auto& [name, row] : grid()) {
    if (name != op && !name.starts_with(op + ":")) continue;
    out.cases += row.cases;
    out.values += row.values;
    out.gradients += row.gradients;
    out.errors += row.errors;
    out.tolerance = std::max(out.tolerance, row.tolerance);
    out.gradient_tolerance = std::max(out.gradient_tolerance, row.gradient_tolerance);
    out.tolerance_f32 = std::max(out.tolerance_f32, row.tolerance_f32);
    out.cuda_errors += row.cuda_errors;
    for (size_t i = 0; i < kCudaTypes.size(); ++i) {
      out.cuda[i].values += row.cuda[i].values;
      out.cuda[i].gradients += row.cuda[i].gradients;
      out.cuda[i].tolerance = std::max(out.cuda[i].tolerance, row.cuda[i].tolerance);
    }
  }
  return out;
}

/// What a row lacks; empty: nothing.
std::vector<std::string> holes_of(const GridRow& row) {
  std::vector<std::string> out;
  if (row.values == 0) out.push_back("a case with expected values");
  if (row.gradients == 0) out.push_back("a case with a gradient");
  if (row.errors == 0) out.push_back("a case with an expected error");
  for (size_t i = 0; has_cuda() && i < kCudaTypes.size(); ++i) {
    if (row.cuda[i].values == 0) out.push_back(concat("values in ", kCudaTypes[i], " on CUDA"));
    if (row.cuda[i].gradients == 0)
      out.push_back(concat("a gradient in ", kCudaTypes[i], " on CUDA"));
  }
  if (has_cuda() && row.cuda_errors == 0) out.push_back("an expected error on CUDA");
  return out;
}

void print_row(const std::string& op, const GridRow& row) {
  std::cout << "| " << op << " | " << row.cases << " | " << row.values << " to " << row.tolerance
            << " | " << row.gradients << " to " << row.gradient_tolerance << " | " << row.gradients
            << " to " << row.tolerance_f32 << " | " << row.errors << " |";
  for (const GridRow::Cuda& cell : row.cuda)
    if (has_cuda())
      std::cout << ' ' << cell.values << " + " << cell.gradients << " to " << cell.tolerance
                << " |";
  std::cout << '\n';
}

void print_grid() {
  std::string
      heads = "| op | cases | values, f64 | gradient, f64 | values and gradient, f32 | errors |",
      rule = "|---|---|---|---|---|---|";
  for (DType dtype : kCudaTypes) {
    if (!has_cuda()) break;
    heads += concat(" CUDA, ", dtype, ": values + gradients |");
    rule += "---|";
  }
  std::cout << heads << '\n' << rule << '\n';
  bool complete = true;
  for (const std::string& op : all_ops()) {
    const GridRow row = row_of(op);
    print_row(op, row);
    for (const std::string& hole : holes_of(row)) {
      std::cout << "hole: " << op << " lacks " << hole << '\n';
      complete = false;
    }
  }
  if (!has_cuda()) std::cout << "CUDA: skipped: no CUDA device\n";
  std::cout << (complete ? "no holes in the grid" : "the grid has holes") << std::endl;
}

struct GridListener : doctest::IReporter {
  explicit GridListener(const doctest::ContextOptions&) {}
  void test_case_start(const doctest::TestCaseData& test) override {
    current_test_case() = test.m_name;
  }
  void test_run_end(const doctest::TestRunStats&) override {
    if (std::getenv("TESSERA_OP_GRID") != nullptr) print_grid();
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("grid", 1, GridListener);

}  // namespace
}  // namespace tessera::testing
