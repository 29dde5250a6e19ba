#include "pruning/mask_file.h"

#include <algorithm>
#include <charconv>
#include <regex>

#include "framework/io/safetensors.h"
#include "pruning/bounds.h"

namespace tessera {

namespace {

constexpr const char* kPatternKey = "tessera.pattern";
constexpr const char* kGranularityKey = "tessera.granularity";

/// y[j][i] = x[i][j], x of [rows, columns].
template <class T>
Tensor transposed(const Tensor& x, int64_t rows, int64_t columns) {
  constexpr int64_t kBlock = 32;  // of both, so that reads and writes stay in the cache
  Tensor y = Tensor::empty({columns, rows}, {.dtype = x.dtype()});
  const T* from = x.data<T>();
  T* to = y.data<T>();
  for (int64_t i0 = 0; i0 < rows; i0 += kBlock)
    for (int64_t j0 = 0; j0 < columns; j0 += kBlock)
      for (int64_t i = i0; i < std::min(i0 + kBlock, rows); ++i)
        for (int64_t j = j0; j < std::min(j0 + kBlock, columns); ++j)
          to[j * rows + i] = from[i * columns + j];
  return y;
}

/// As a matrix [out, K].
Tensor scores_of(const Tensor& tensor, const MaskRequest& request) {
  Tensor values = tensor.to(DType::f32);
  const bool is_copy = values.id() != tensor.id();
  if (request.are_weights) {
    if (!is_copy) values = values.clone();
    float* v = values.data<float>();
    for (int64_t i = 0; i < values.numel(); ++i) v[i] = std::abs(v[i]);
  }
  const int64_t outputs = request.layout == MatrixLayout::oi ? tensor.dim(0) : tensor.dim(-1);
  const int64_t inputs = outputs == 0 ? 0 : tensor.numel() / outputs;
  return request.layout == MatrixLayout::oi ? values.alias({outputs, inputs})
                                            : transposed<float>(values, inputs, outputs);
}

/// Leaves the tensors that take part.
void select(TensorMap& tensors, const MaskRequest& request) {
  const std::regex regex = compile_regex("[mask] the selection", request.select);
  const size_t all = tensors.size();
  std::erase_if(tensors, [&](const auto& entry) {
    const auto& [name, tensor] = entry;
    return !is_floating(tensor.dtype()) || tensor.rank() < 2 || !std::regex_search(name, regex);
  });
  require(!tensors.empty(), "[mask] the selection must be found in the name of a float tensor of ",
          "rank 2 or more; got '", request.select, "' and ", request.input.string(), " with ", all,
          " tensors of which none does.");
}

double sum_of(const Tensor& scores, const uint8_t* mask) {
  double sum = 0;
  for (int64_t i = 0; i < scores.numel(); ++i)
    if (mask == nullptr || mask[i] != 0) sum += scores.data<float>()[i];
  return sum;
}

}  // namespace

FileMasks make_masks(const MaskRequest& request) {
  return make_masks(request, read_safetensors(request.input).tensors);
}

FileMasks make_masks(const MaskRequest& request, TensorMap tensors) {
  select(tensors, request);
  std::vector<LayerScores> layers;
  FileMasks result{.masks = {},
                   .tensors = {},
                   .pattern = request.options.pattern,
                   .granularity = granularity_of(request.options)};
  for (auto& [name, tensor] : tensors) {
    layers.push_back({.name = name, .scores = scores_of(tensor, request)});
    result.tensors.push_back({.name = name, .shape = tensor.shape()});
    tensor = {};  // large files: one copy of the values is enough
  }
  set_bounds(request.bounds, layers);
  const std::vector<Tensor> masks = prune_masks(request.options, request.sparsity, layers);

  double all = 0, kept = 0;
  for (size_t i = 0; i < masks.size(); ++i) {
    const Tensor& mask = masks[i];
    PrunedTensor& entry = result.tensors[i];
    all += sum_of(layers[i].scores, nullptr);
    kept += sum_of(layers[i].scores, mask.data<uint8_t>());
    entry.zeros = std::count(mask.data<uint8_t>(), mask.data<uint8_t>() + mask.numel(), uint8_t{0});
    result.masks[entry.name] =
        request.layout == MatrixLayout::oi
            ? mask.alias(entry.shape)
            : transposed<uint8_t>(mask, mask.dim(0), mask.dim(1)).alias(entry.shape);
  }
  result.kept_score = all == 0 ? 0 : kept / all;
  return result;
}

void write_masks(const std::filesystem::path& path, const FileMasks& masks) {
  write_safetensors(path, {.tensors = masks.masks,
                           .metadata = {{kPatternKey, masks.pattern},
                                        {kGranularityKey, concat(masks.granularity)}}});
}

FileMasks read_masks(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  FileMasks result{.masks = std::move(file.tensors), .tensors = {}, .pattern = {}};
  const auto pattern = file.metadata.find(kPatternKey);
  if (pattern == file.metadata.end()) return result;
  result.pattern = pattern->second;
  const std::string& text = file.metadata[kGranularityKey];
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), result.granularity);
  require_runtime(
      error == std::errc() && end == text.data() + text.size() && result.granularity >= 1,
      "[mask] ", path.string(), " must say in ", kGranularityKey,
      " a granularity of 1 or more; got '", text, "'.");
  return result;
}

}  // namespace tessera
