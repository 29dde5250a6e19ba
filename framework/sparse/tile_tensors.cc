// A TileMatrix as the tensors of a checkpoint, and back.
#include <utility>

#include "framework/sparse/tile_matrix.h"
#include "framework/sparse/two_of_four.h"

namespace tessera {
namespace {

template <class T>
Tensor vector_tensor(const std::vector<T>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

const Tensor* find(const TensorMap& tensors, const std::string& key) {
  const auto it = tensors.find(key);
  return it == tensors.end() ? nullptr : &it->second;
}

void check_vector(const std::string& key, const Tensor& tensor) {
  require_runtime(tensor.rank() == 1, "[tile_matrix] ", key, " must have rank 1; got shape ",
                  tensor.shape(), ".");
}

std::vector<int32_t> read_indices(const TensorMap& tensors, const std::string& key, bool optional) {
  const Tensor* const tensor = find(tensors, key);
  if (tensor == nullptr && optional) return {};
  require_runtime(tensor != nullptr, "[tile_matrix] ", key, " must be there; it is missing.");
  check_vector(key, *tensor);
  require_runtime(tensor->dtype() == DType::i32, "[tile_matrix] ", key, " must be i32; got ",
                  tensor->dtype(), ".");
  return tensor->to_vector<int32_t>();
}

std::vector<uint8_t> read_meta(const TensorMap& tensors, const std::string& key) {
  const Tensor& tensor = tensors.at(key);
  check_vector(key, tensor);
  require_runtime(tensor.dtype() == DType::u8, "[tile_matrix] ", key, " must be u8; got ",
                  tensor.dtype(), ".");
  return tensor.to_vector<uint8_t>();
}

std::vector<float> read_values(const TensorMap& tensors, const std::string& key, bool optional) {
  const Tensor* const tensor = find(tensors, key);
  if (tensor == nullptr && optional) return {};
  require_runtime(tensor != nullptr, "[tile_matrix] ", key, " must be there; it is missing.");
  check_vector(key, *tensor);
  require_runtime(tensor->dtype() == DType::f32 || tensor->dtype() == DType::bf16, "[tile_matrix] ",
                  key, " must be f32 or bf16; got ", tensor->dtype(), ".");
  return tensor->to(DType::f32).to_vector<float>();
}

}  // namespace

TensorMap to_tensors(const std::string& name, const TileMatrix& m, DType dtype) {
  require(dtype == DType::f32 || dtype == DType::bf16,
          "[tile_matrix] values are stored as f32 or bf16; got ", dtype, ".");
  TensorMap out;
  if (m.two_of_four) {
    const CompressedBlocks blocks = compress_blocks(m);
    out[name + ".tw_values"] = vector_tensor(blocks.values).to(dtype);
    out[name + ".tw_meta"] = vector_tensor(blocks.meta);
  } else {
    out[name + ".tw_values"] = vector_tensor(m.values).to(dtype);
  }
  out[name + ".tw_n_ptr"] = vector_tensor(m.n_ptr);
  out[name + ".tw_n_idx"] = vector_tensor(m.n_idx);
  out[name + ".tw_k_ptr"] = vector_tensor(m.k_ptr);
  out[name + ".tw_k_idx"] = vector_tensor(m.k_idx);
  if (m.has_remainder()) {
    out[name + ".tew_row"] = vector_tensor(m.tew_row);
    out[name + ".tew_col"] = vector_tensor(m.tew_col);
    out[name + ".tew_values"] = vector_tensor(m.tew_values).to(dtype);
  }
  return out;
}

TileMatrix from_tensors(const std::string& name, const Shape& shape, int64_t granularity,
                        const TensorMap& tensors) {
  TileMatrix out;
  out.shape = shape;
  out.granularity = granularity;
  out.values = read_values(tensors, name + ".tw_values", false);
  out.n_ptr = read_indices(tensors, name + ".tw_n_ptr", false);
  out.n_idx = read_indices(tensors, name + ".tw_n_idx", false);
  out.k_ptr = read_indices(tensors, name + ".tw_k_ptr", false);
  out.k_idx = read_indices(tensors, name + ".tw_k_idx", false);
  out.tew_row = read_indices(tensors, name + ".tew_row", true);
  out.tew_col = read_indices(tensors, name + ".tew_col", true);
  out.tew_values = read_values(tensors, name + ".tew_values", true);
  if (tensors.contains(name + ".tw_meta")) {
    check_tile_indices(name, out);
    out.values =
        expand_blocks(name, out, {std::move(out.values), read_meta(tensors, name + ".tw_meta")});
    out.two_of_four = true;
  }
  check_tiles(name, out);
  return out;
}

}  // namespace tessera
