// cuBLASLt's matrices are column-major: what it sees of row-major y = op(a) op(b) is the transposed
// product y^T = op(b)^T op(a)^T, with the same memory and b as its first operand.
#include <algorithm>
#include <array>

#include "framework/backend/cublaslt.h"
#include "framework/backend/plan_cache.h"

namespace tessera {
namespace {

// What NVIDIA advises for Hopper; smaller devices need less.
constexpr uint64_t kMaxWorkspace = 32 << 20;

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

struct Product {
  const char* op;
  const Tensor &a, &b, &bias;
  ProductOptions options;
  Tensor& y;

  int64_t rows() const { return y.dim(-2); }
  int64_t columns() const { return std::min(y.dim(-1), b.dim(options.transpose_b ? -2 : -1)); }
  int64_t inner() const {
    return std::min(a.dim(options.transpose_a ? -2 : -1), b.dim(options.transpose_b ? -1 : -2));
  }
  int64_t batch() const { return y.rank() == 3 ? y.dim(0) : 1; }
  bool is_double() const { return a.dtype() == DType::f64; }

  using Key = std::array<int64_t, 15>;
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

  Plan make(Cuda& cuda) const;
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

Plan Product::make(Cuda& cuda) const {
  const auto compute = is_double()                              ? CUBLAS_COMPUTE_64F
                       : a.dtype() == DType::f32 && cuda.tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                : CUBLAS_COMPUTE_32F;
  Plan plan;
  check(cublasLtMatmulDescInit(&plan.operation, compute, is_double() ? CUDA_R_64F : CUDA_R_32F),
        "cublasLtMatmulDescInit");
  set(plan, CUBLASLT_MATMUL_DESC_TRANSA, options.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan, CUBLASLT_MATMUL_DESC_TRANSB, options.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (bias.defined() || options.relu)
    set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE,
        !options.relu    ? CUBLASLT_EPILOGUE_BIAS
        : bias.defined() ? CUBLASLT_EPILOGUE_RELU_BIAS
                         : CUBLASLT_EPILOGUE_RELU);
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
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(cuda.cublaslt(), &plan.operation, &plan.first, &plan.second,
                                       &plan.result, &plan.result, &preference, 1, &best, &found),
        "cublasLtMatmulAlgoGetHeuristic");
  check(found > 0 ? best.state : CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
  plan.algorithm = best.algo;
  plan.workspace = best.workspaceSize;
  return plan;
}

}  // namespace

void cublaslt_product(Cuda& cuda, const char* op, const Tensor& a, const Tensor& b,
                      const Tensor& bias, ProductOptions options, Tensor& y) {
  static PlanCache<Product::Key, Plan> plans;
  const Product product{op, a, b, bias, options, y};
  if (y.numel() == 0) return;
  Plan plan = *plans.get(product.key(cuda), [&] { return product.make(cuda); });
  product.set_bias(plan);
  const double one = 1, zero = 0;
  const float one_f32 = 1, zero_f32 = 0;
  const void* const alpha = product.is_double() ? static_cast<const void*>(&one) : &one_f32;
  const void* const beta = product.is_double() ? static_cast<const void*>(&zero) : &zero_f32;
  Tensor workspace = cuda.scratch(static_cast<int64_t>(plan.workspace));
  product.check(
      cublasLtMatmul(cuda.cublaslt(), &plan.operation, alpha, b.raw(), &plan.first, a.raw(),
                     &plan.second, beta, y.raw(), &plan.result, y.raw(), &plan.result,
                     &plan.algorithm, workspace.raw(), plan.workspace, cuda.stream()),
      "cublasLtMatmul");
}

}  // namespace tessera
