// cuBLASLt's matrices are column-major: what it sees of row-major y = op(a) op(b) is the transposed
// product y^T = op(b)^T op(a)^T, with the same memory and b as its first operand.
#include <algorithm>
#include <array>
#include <map>

#include "framework/backend/cublaslt.h"
#include "framework/backend/measure_cuda.h"
#include "framework/backend/plan_cache.h"

namespace tessera {
namespace {

// What NVIDIA advises for Hopper; smaller devices need less.
constexpr uint64_t kMaxWorkspace = 32 << 20;
constexpr int kMeasuredAlgorithms = 6;

/// A product, ready to run. Plain data: a call copies it and puts its bias pointer in.
struct Plan {
  cublasLtMatmulDescOpaque_t operation{};
  cublasLtMatrixLayoutOpaque_t first{}, second{}, result{};
  cublasLtMatmulAlgo_t algorithm{};
  size_t workspace = 0;
};

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
      return CUDA_R_64F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::f16:
      return CUDA_R_16F;
    default:
      return CUDA_R_32F;
  }
}

/// What a product does beside its sums. `sums`: `bias` is an output, the sums of a's columns.
struct Product {
  const char* op;
  const Tensor &a, &b, &bias;
  ProductOptions options;
  Tensor& y;
  bool sums = false;

  int64_t rows() const { return y.dim(-2); }
  int64_t columns() const { return std::min(y.dim(-1), b.dim(options.transpose_b ? -2 : -1)); }
  int64_t inner() const {
    return std::min(a.dim(options.transpose_a ? -2 : -1), b.dim(options.transpose_b ? -1 : -2));
  }
  int64_t batch() const { return y.rank() == 3 ? y.dim(0) : 1; }
  bool is_double() const { return a.dtype() == DType::f64; }

  using Key = std::array<int64_t, 17>;
  Key key(const Cuda& cuda) const {
    return {batch(),
            rows(),
            columns(),
            inner(),
            a.dim(-1),
            b.dim(-1),
            y.dim(-1),
            options.transpose_a,
            options.transpose_b,
            static_cast<int64_t>(a.dtype()),
            static_cast<int64_t>(y.dtype()),
            bias.defined(),
            options.relu,
            sums,
            cuda.autotune(),
            cuda.tf32(),
            cuda.device().index};
  }

  void check(cublasStatus_t status, const char* call) const {
    require_runtime(status == CUBLAS_STATUS_SUCCESS, "[", op, "] ", call,
                    " must succeed for the product of ", a, options.transpose_a ? "^T" : "",
                    " and ", b, options.transpose_b ? "^T" : "", " into ", y, "; got ",
                    cublasLtGetStatusName(status), ": ", cublasLtGetStatusString(status), ".");
  }

  template <class T>
  void set(Plan& plan, cublasLtMatmulDescAttributes_t attribute, const T& value) const {
    check(cublasLtMatmulDescSetAttribute(&plan.operation, attribute, &value, sizeof(value)),
          "cublasLtMatmulDescSetAttribute");
  }
  void set_bias(Plan& plan) const {
    if (bias.defined())
      set(plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(bias.raw()));
  }

  cublasLtEpilogue_t epilogue() const {
    if (sums) return CUBLASLT_EPILOGUE_BGRADB;
    if (options.relu) return bias.defined() ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    return bias.defined() ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  }

  /// Plans with up to `limit` (at most kMeasuredAlgorithms) of the library's algorithms, the best
  /// first by its estimate; none where it has none.
  std::vector<Plan> ranked(Cuda& cuda, int limit) const;
  Plan make(Cuda& cuda) const;
  void run(Cuda& cuda, Plan plan) const;
};

/// The layout of the first `columns` columns.
cublasLtMatrixLayoutOpaque_t transposed(const Product& p, const Tensor& matrix, int64_t columns) {
  cublasLtMatrixLayoutOpaque_t layout{};
  const int64_t rows = matrix.dim(-2), pitch = matrix.dim(-1);
  p.check(cublasLtMatrixLayoutInit(&layout, type_of(matrix.dtype()), static_cast<uint64_t>(columns),
                                   static_cast<uint64_t>(rows), pitch),
          "cublasLtMatrixLayoutInit");
  if (matrix.rank() == 2) return layout;
  const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
    p.check(cublasLtMatrixLayoutSetAttribute(&layout, attribute, &value, sizeof(value)),
            "cublasLtMatrixLayoutSetAttribute");
  };
  set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(matrix.dim(0)));
  set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, rows * pitch);
  return layout;
}

std::vector<Plan> Product::ranked(Cuda& cuda, int limit) const {
  const auto compute = is_double()                              ? CUBLAS_COMPUTE_64F
                       : a.dtype() == DType::f32 && cuda.tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                : CUBLAS_COMPUTE_32F;
  Plan plan;
  check(cublasLtMatmulDescInit(&plan.operation, compute, is_double() ? CUDA_R_64F : CUDA_R_32F),
        "cublasLtMatmulDescInit");
  set(plan, CUBLASLT_MATMUL_DESC_TRANSA, options.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan, CUBLASLT_MATMUL_DESC_TRANSB, options.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (epilogue() != CUBLASLT_EPILOGUE_DEFAULT) set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue());
  set_bias(plan);
  plan.first = transposed(*this, b, options.transpose_b ? inner() : columns());
  plan.second = transposed(*this, a, options.transpose_a ? rows() : inner());
  plan.result = transposed(*this, y, columns());

  cublasLtMatmulPreferenceOpaque_t preference{};
  check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value)),
          "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMaxWorkspace);
  // Partial sums of a split product stay in f32.
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  std::array<cublasLtMatmulHeuristicResult_t, kMeasuredAlgorithms> best{};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      cuda.cublaslt(), &plan.operation, &plan.first, &plan.second, &plan.result, &plan.result,
      &preference, limit, best.data(), &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<Plan> plans;
  for (int i = 0; i < found; ++i) {
    const cublasLtMatmulHeuristicResult_t& result = best[static_cast<size_t>(i)];
    if (result.state != CUBLAS_STATUS_SUCCESS) continue;
    plan.algorithm = result.algo;
    plan.workspace = result.workspaceSize;
    plans.push_back(plan);
  }
  return plans;
}

/// By the library's ranking, or by measurement: then once in a process, whatever the cache drops.
/// REQUIRES: one call at a time.
Plan Product::make(Cuda& cuda) const {
  static std::map<Key, size_t> chosen;
  const auto known = chosen.find(key(cuda));
  const bool measures = known == chosen.end() && may_measure(cuda, op);
  const size_t rank = known == chosen.end() ? 0 : known->second;
  const std::vector<Plan> plans =
      ranked(cuda, measures ? kMeasuredAlgorithms : static_cast<int>(rank) + 1);
  check(plans.empty() ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS,
        "cublasLtMatmulAlgoGetHeuristic");
  if (!measures) return plans[std::min(rank, plans.size() - 1)];
  const size_t best = fastest_of(cuda, op, plans.size(), [&](size_t i) { run(cuda, plans[i]); });
  chosen[key(cuda)] = best;
  return plans[best];
}

void Product::run(Cuda& cuda, Plan plan) const {
  set_bias(plan);
  const double one = 1, zero = 0;
  const float one_f32 = 1, zero_f32 = 0;
  const void* const alpha = is_double() ? static_cast<const void*>(&one) : &one_f32;
  const void* const beta = is_double() ? static_cast<const void*>(&zero) : &zero_f32;
  Tensor workspace = cuda.scratch(static_cast<int64_t>(plan.workspace));
  check(cublasLtMatmul(cuda.cublaslt(), &plan.operation, alpha, b.raw(), &plan.first, a.raw(),
                       &plan.second, beta, y.raw(), &plan.result, y.raw(), &plan.result,
                       &plan.algorithm, workspace.raw(), plan.workspace, cuda.stream()),
        "cublasLtMatmul");
}

std::shared_ptr<const Plan> plan_of(const Product& product, Cuda& cuda) {
  static PlanCache<Product::Key, Plan> plans;
  return plans.get(product.key(cuda), [&] { return product.make(cuda); });
}

/// Whether the library has the product's kernel, and it runs faster than `other`.
bool is_faster(Cuda& cuda, const Product& product, const std::function<void()>& other,
               const std::function<void()>& run) {
  if (product.ranked(cuda, 1).empty()) return false;
  const auto way = [&](size_t i) {
    if (i == 0)
      other();
    else
      run();
  };
  return fastest_of(cuda, product.op, 2, way) == 1;
}

}  // namespace

void cublaslt_product(Cuda& cuda, const char* op, const Tensor& a, const Tensor& b,
                      const Tensor& bias, ProductOptions options, Tensor& y) {
  const Product product{op, a, b, bias, options, y};
  if (y.numel() > 0) product.run(cuda, *plan_of(product, cuda));
}

void cublaslt_product_and_sums(Cuda& cuda, const char* op, const Tensor& a, const Tensor& b,
                               Tensor& y, Tensor& sums, const std::function<void()>& apart) {
  static std::map<Product::Key, bool> joined;  // whether at once; decided once in a process
  const Product product{op, a, b, sums, {.transpose_a = true}, y, true};
  const auto at_once = [&] { product.run(cuda, *plan_of(product, cuda)); };
  const Product::Key key = product.key(cuda);
  auto known = joined.find(key);
  if (known == joined.end()) {
    if (a.numel() == 0 || b.numel() == 0 || !may_measure(cuda, op)) return apart();
    known = joined.emplace(key, is_faster(cuda, product, apart, at_once)).first;
  }
  if (known->second)
    at_once();
  else
    apart();
}

}  // namespace tessera
