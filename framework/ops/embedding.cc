#include "framework/ops/embedding.h"

#include "framework/ops/axes.h"
#include "framework/ops/gather.h"
#include "framework/ops/mixed_precision.h"

namespace tessera {
namespace {

std::string describe_wrong_id(const KernelError::Values& values) {
  const auto [id, place, rows, extent] = values;
  return concat("[embedding] an id must be in [0, ", rows, "), the rows of the weight; got ", id,
                " at row ", place / extent, ", position ", place % extent,
                ". Check the vocabulary's size and the ids.");
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& ids, std::optional<DType> dtype) {
  const DType type = dtype.value_or(weight.dtype());
  require(weight.rank() == 2 && weight.layout() == Layout::row_major,
          "[embedding] the weight must be row-major [V, D]; got ", weight, ".");
  require(takes_parameter(type, weight.dtype()), "[embedding] the weight must be ",
          parameter_types(type), " for an output in ", type, "; got ", weight, ".");
  require(ids.dtype() == DType::i64 || ids.dtype() == DType::i32,
          "[embedding] the ids must be i64 or i32; got ", ids, ".");
  require_layout("embedding", ids, Layout::row_major);
  require_one_device("embedding", weight, ids);
  std::vector<int64_t> dims(ids.shape().begin(), ids.shape().end());
  dims.push_back(weight.dim(1));
  return gather_rows("embedding", weight, ids, Shape(dims), type,
                     {weight.dim(0), ids.rank() > 0 ? ids.dim(-1) : 1, &describe_wrong_id});
}

}  // namespace tessera
