#include "framework/generate/token_rows.h"

#include <algorithm>
#include <cmath>

#include "framework/core/errors.h"

namespace tessera {

Device device_of(const Module& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? Device{} : parameters.front().tensor.device();
}

Tensor take_rows(const Tensor& from, std::span<const int64_t> rows) {
  auto dims = std::vector<int64_t>(from.shape().dims().begin(), from.shape().dims().end());
  const int64_t width = from.dim(0) == 0 ? 0 : from.numel() / from.dim(0);
  dims[0] = std::ssize(rows);
  Tensor out = Tensor::empty(Shape(dims), {.dtype = from.dtype()});
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(from.data<int64_t>() + rows[i] * width, width,
                out.data<int64_t>() + static_cast<int64_t>(i) * width);
  return out;
}

std::vector<Tensor> repeat_rows(const std::vector<Tensor>& inputs, int64_t copies) {
  std::vector<Tensor> out;
  for (const Tensor& input : inputs) {
    const Tensor here = input.to(Device{});
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < here.dim(0); ++row)
      rows.insert(rows.end(), static_cast<size_t>(copies), row);
    out.push_back(take_rows(here, rows));
  }
  return out;
}

std::vector<Tensor> moved(const std::vector<Tensor>& tensors, Device device) {
  std::vector<Tensor> out;
  for (const Tensor& tensor : tensors) out.push_back(tensor.to(device));
  return out;
}

Tensor ids_tensor(std::span<const int32_t> ids, int64_t rows) {
  Tensor out = Tensor::empty({rows, std::ssize(ids) / rows}, {.dtype = DType::i64});
  std::ranges::copy(ids, out.data<int64_t>());
  return out;
}

Tensor last_place(const Tensor& logits) {
  const Tensor here = logits.to(DType::f32).to(Device{});
  require(here.rank() == 3, "[generate] the model must yield logits for each token, [rows, T, V]; ",
          "got ", here, ". Use a gpt2, seq2seq or nmt model.");
  const int64_t rows = here.dim(0), T = here.dim(1), V = here.dim(2);
  Tensor out = Tensor::empty({rows, V});
  for (int64_t row = 0; row < rows; ++row)
    std::copy_n(here.data<float>() + (row * T + T - 1) * V, V, out.data<float>() + row * V);
  // What orders tokens by them relies on it.
  require(std::all_of(out.data<float>(), out.data<float>() + out.numel(),
                      [](float logit) { return std::isfinite(logit); }),
          "[generate] the model's logits must be finite; got NaN or infinity. Its weights are too "
          "large or broken.");
  return out;
}

}  // namespace tessera
