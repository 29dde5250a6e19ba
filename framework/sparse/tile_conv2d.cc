#include "framework/sparse/tile_conv2d.h"

#include <algorithm>
#include <cstring>

namespace tessera {
namespace {

template <class T>
Tensor bytes_of(const std::vector<T>& values) {
  Tensor out =
      Tensor::empty({static_cast<int64_t>(values.size() * sizeof(T))}, {.dtype = DType::u8});
  if (!values.empty()) std::memcpy(out.raw(), values.data(), values.size() * sizeof(T));
  return out;
}

/// The lists of a TileConv2d while they grow.
class Builder {
 public:
  Builder(const TileMatrix& m, const Conv2dOptions& options, int64_t h, int64_t w)
      : m_(m),
        options_(options),
        kernel_{m.shape.rank() == 4 ? m.shape[2] : 1, m.shape.rank() == 4 ? m.shape[3] : 1} {
    require(!m.has_remainder(), "[tile_conv2d] the weight must be tiles alone; got a remainder of ",
            m.tew_values.size(), " single weights. Run it dense.");
    require((m.shape.rank() == 4 || m.shape.rank() == 2) && options.groups >= 1 &&
                m.outputs() % options.groups == 0,
            "[tile_conv2d] the weight must be [out, in/groups, R, S] or [out, in], and groups must "
            "divide its outputs; got ",
            m.shape, " and groups = ", options.groups, ".");
    const Shape window{1, m.shape[1] * options.groups, h, w};
    const Shape y =
        conv2d_shape(window, {m.outputs(), m.shape[1], kernel_[0], kernel_[1]}, options);
    const int64_t reach =
        std::max(options.dilation[0] * kernel_[0], options.dilation[1] * kernel_[1]);
    require(window.numel() <= INT32_MAX && reach <= INT16_MAX,
            "[tile_conv2d] an image must have fewer than 2^31 values and a kernel reach less than "
            "2^15; got ",
            window, " and ", reach, ".");
    const auto i32 = [](int64_t value) { return static_cast<int32_t>(value); };
    shape_ = {.c = i32(window[1]),
              .h = i32(h),
              .w = i32(w),
              .out = i32(y[1]),
              .out_h = i32(y[2]),
              .out_w = i32(y[3]),
              .stride_h = i32(options.stride[0]),
              .stride_w = i32(options.stride[1]),
              .pad_h = i32(options.padding[0]),
              .pad_w = i32(options.padding[1])};
  }

  void add_tiles() {
    int64_t values = 0;
    for (size_t t = 0; t + 1 < m_.n_ptr.size(); ++t) {
      const int32_t first_kept = add_kept(t), kept = m_.k_ptr[t + 1] - m_.k_ptr[t];
      for (int32_t n = m_.n_ptr[t]; n < m_.n_ptr[t + 1]; n += kOutputsAtOnce) {
        const int32_t count = std::min<int32_t>(kOutputsAtOnce, m_.n_ptr[t + 1] - n);
        const float* const rows = m_.values.data() + values + int64_t{n - m_.n_ptr[t]} * kept;
        add_block({m_.n_idx.data() + n, static_cast<size_t>(count)}, rows, first_kept, kept);
      }
      values += int64_t{m_.n_ptr[t + 1] - m_.n_ptr[t]} * kept;
    }
  }

  /// Blocks that keep nothing, for the outputs that no tile owns.
  void add_unowned() {
    std::vector<char> owned(static_cast<size_t>(m_.outputs()), 0);
    for (const int32_t n : m_.n_idx) owned[static_cast<size_t>(n)] = 1;
    std::vector<int32_t> unowned;
    for (int32_t n = 0; n < static_cast<int32_t>(m_.outputs()); ++n)
      if (owned[static_cast<size_t>(n)] == 0) unowned.push_back(n);
    for (size_t i = 0; i < unowned.size(); i += kOutputsAtOnce)
      add_block({unowned.data() + i, std::min<size_t>(kOutputsAtOnce, unowned.size() - i)}, nullptr,
                0, 0);
  }

  TileConv2d finish(const Tensor& bias, Device device, DType dtype) {
    std::stable_sort(blocks_.begin(), blocks_.end(), [](const TileBlock& a, const TileBlock& b) {
      return int64_t{a.kept} * a.outputs > int64_t{b.kept} * b.outputs;
    });
    const auto count = [](const auto& list) { return static_cast<int64_t>(list.size()); };
    return {.shape = shape_,
            .tiles = count(blocks_),
            .values = Tensor::from(values_, {count(values_)}).to(dtype).to(device),
            .kept = bytes_of(kept_).to(device),
            .blocks = bytes_of(blocks_).to(device),
            .outputs = Tensor::from(outputs_, {count(outputs_)}).to(device),
            .bias = (bias.defined() ? bias : Tensor::zeros({m_.outputs()})).to(device)};
  }

 private:
  /// The kept inputs of tile t; returns where they start. In the order of their addresses, so that
  /// neighbouring threads read neighbouring channels.
  int32_t add_kept(size_t t) {
    const auto first = static_cast<int32_t>(kept_.size());
    const int64_t outputs_of_group = m_.outputs() / options_.groups;
    const int64_t group = m_.n_idx[static_cast<size_t>(m_.n_ptr[t])] / outputs_of_group;
    for (int32_t n = m_.n_ptr[t]; n < m_.n_ptr[t + 1]; ++n)
      require(m_.n_idx[static_cast<size_t>(n)] / outputs_of_group == group,
              "[tile_conv2d] a tile must keep to one group of the convolution; got tile ", t,
              " across ", options_.groups, " groups.");
    order_.clear();
    for (int32_t k = m_.k_ptr[t]; k < m_.k_ptr[t + 1]; ++k) {
      const int64_t index = m_.k_idx[static_cast<size_t>(k)];
      const int64_t s = index % kernel_[1], r = index / kernel_[1] % kernel_[0];
      const int64_t c = group * m_.shape[1] + index / kernel_[1] / kernel_[0];
      const int64_t down = r * options_.dilation[0], right = s * options_.dilation[1];
      order_.push_back({{static_cast<int32_t>((down * shape_.w + right) * shape_.c + c),
                         static_cast<int16_t>(down), static_cast<int16_t>(right)},
                        k - m_.k_ptr[t]});
    }
    std::sort(order_.begin(), order_.end(),
              [](const auto& a, const auto& b) { return a.first.offset < b.first.offset; });
    for (const auto& [input, column] : order_) kept_.push_back(input);
    return first;
  }

  /// rows: the outputs' weights over the tile's kept inputs, in the file's order.
  void add_block(std::span<const int32_t> outputs, const float* rows, int32_t first_kept,
                 int32_t kept) {
    const TileBlock block{static_cast<int64_t>(values_.size()), first_kept, kept,
                          static_cast<int32_t>(outputs_.size()),
                          static_cast<int32_t>(outputs.size())};
    outputs_.insert(outputs_.end(), outputs.begin(), outputs.end());
    blocks_.push_back(block);
    values_.resize(values_.size() + static_cast<size_t>(int64_t{kept} * block.width()), 0.0f);
    float* to = values_.data() + block.first_value;
    for (int32_t k = 0; k < kept; ++k, to += block.width())
      for (int32_t n = 0; n < block.outputs; ++n)
        to[n] = rows[int64_t{n} * kept + order_[static_cast<size_t>(k)].second];
  }

  const TileMatrix& m_;
  const Conv2dOptions& options_;
  const std::array<int64_t, 2> kernel_;
  TileConv2dShape shape_;
  std::vector<std::pair<KeptInput, int32_t>> order_;  // of the present tile: input and its column
  std::vector<float> values_;
  std::vector<KeptInput> kept_;
  std::vector<TileBlock> blocks_;
  std::vector<int32_t> outputs_;
};

}  // namespace

TileConv2d make_tile_conv2d(const TileMatrix& tiles, const Tensor& bias,
                            const Conv2dOptions& options, int64_t h, int64_t w, Device device,
                            DType dtype) {
  require(dtype == DType::f32 || (dtype == DType::bf16 && !device.is_cpu()),
          "[tile_conv2d] values are f32, or bf16 on a CUDA device; got ", dtype, " on ", device,
          ".");
  require(!bias.defined() || (bias.shape() == Shape{tiles.outputs()} && bias.dtype() == DType::f32),
          "[tile_conv2d] bias must be f32[", tiles.outputs(), "]; got ", bias, ".");
  Builder builder(tiles, options, h, w);
  builder.add_tiles();
  builder.add_unowned();
  return builder.finish(bias, device, dtype);
}

}  // namespace tessera
