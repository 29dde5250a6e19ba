#include "layers/lstm.h"

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/concat.h"
#include "framework/ops/dropout.h"
#include "framework/ops/linear.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"
#include "layers/random_scope.h"
#include "layers/use_tiles.h"

namespace tessera {

LSTM::LSTM(int64_t input, int64_t hidden, int64_t layers, bool bidirectional, double dropout)
    : hidden_(hidden), directions_(bidirectional ? 2 : 1), dropout_(dropout) {
  require(input >= 1 && hidden >= 1 && layers >= 1,
          "[LSTM] input, hidden and layers must be at least 1; got input = ", input,
          ", hidden = ", hidden, ", layers = ", layers, ".");
  require(dropout >= 0 && dropout < 1, "[LSTM] dropout must lie in [0, 1); got ", dropout, ".");
  for (int64_t layer = 0; layer < layers; ++layer)
    for (int64_t d = 0; d < directions_; ++d)
      all_.push_back(make_direction(layer == 0 ? input : directions_ * hidden, layer, d == 1));
}

LSTM::Direction LSTM::make_direction(int64_t input, int64_t layer, bool reverse) {
  const std::string suffix = concat("_l", layer, reverse ? "_reverse" : "");
  const auto parameter = [&](const char* name, const Shape& shape, ParameterRole role) {
    return add_parameter(name + suffix, Tensor::zeros(shape), role);
  };
  Direction out;
  out.weight_ih = parameter("weight_ih", {4 * hidden_, input}, ParameterRole::weight);
  out.weight_hh = parameter("weight_hh", {4 * hidden_, hidden_}, ParameterRole::weight);
  out.bias_ih = parameter("bias_ih", {4 * hidden_}, ParameterRole::bias);
  out.bias_hh = parameter("bias_hh", {4 * hidden_}, ParameterRole::bias);
  out.reverse = reverse;
  out.suffix = suffix;
  return out;
}

LstmOutput LSTM::run(const Tensor& x, const Tensor& lengths, const Tensor& h0, const Tensor& c0) {
  require(x.rank() == 3, "[LSTM] x must be [N, T, input]; got ", x, ".");
  const int64_t N = x.dim(0), states = static_cast<int64_t>(all_.size());
  for (const Tensor* state : {&h0, &c0})
    require(!state->defined() || state->shape() == Shape{states, N, hidden_},
            "[LSTM] h0 and c0 must be [", states, ", ", N, ", ", hidden_, "] for x = ", x, "; got ",
            *state, ".");
  const auto state_of = [&](const Tensor& all, int64_t i) {
    return all.defined() ? reshape(slice(all, 0, i, i + 1), {N, hidden_}) : Tensor{};
  };
  std::vector<Tensor> h, c;
  Tensor input = x;
  for (int64_t i = 0; i < states; i += directions_) {
    if (i > 0 && training() && dropout_ > 0) {
      const RandomKey key = RandomScope::next_key(kind());
      input = tessera::dropout(
          input,
          {.p = RandomScope::dropout(dropout_), .key = key, .step = RandomScope::device_step()});
    }
    std::vector<Tensor> outputs;
    for (int64_t d = i; d < i + directions_; ++d) {
      const LstmOutput out = run_direction(all_[static_cast<size_t>(d)], input, lengths,
                                           state_of(h0, d), state_of(c0, d));
      outputs.push_back(out.output);
      h.push_back(reshape(out.h, {1, N, hidden_}));
      c.push_back(reshape(out.c, {1, N, hidden_}));
    }
    input = directions_ == 1 ? outputs[0] : tessera::concat(outputs, 2);
  }
  return {input, tessera::concat(h, 0), tessera::concat(c, 0)};
}

LstmOutput LSTM::run_direction(const Direction& by, const Tensor& x, const Tensor& lengths,
                               const Tensor& h0, const Tensor& c0) {
  Tensor gates = runs_over_tiles(by.tiles_ih.get(), x, by.weight_ih)
                     ? by.tiles_ih->run(x)
                     : linear(x, by.weight_ih, tessera::add(by.bias_ih, by.bias_hh));
  Tensor h = h0;
  // The only step's product with h0 is then part of the gates, and the op computes none.
  if (x.dim(1) == 1 && !lengths.defined() && h0.defined() &&
      runs_over_tiles(by.tiles_hh.get(), h0, by.weight_hh)) {
    gates = tessera::add(gates, reshape(by.tiles_hh->run(h0), gates.shape()));
    h = {};
  }
  return lstm(gates, by.weight_hh, lengths, h, c0, {.reverse = by.reverse});
}

void LSTM::use_tiles(const std::string& name, const TileMatrix& tiles) {
  for (Direction& by : all_) {
    if (name == "weight_ih" + by.suffix) {
      by.tiles_ih =
          make_tile_linear("LSTM", tiles, by.weight_ih, tessera::add(by.bias_ih, by.bias_hh));
      return;
    }
    if (name == "weight_hh" + by.suffix) {
      by.tiles_hh = make_tile_linear("LSTM", tiles, by.weight_hh, {});
      return;
    }
  }
  fail("[LSTM] tiles must be of weight_ih or weight_hh of a layer; got those of ", name, ".");
}

}  // namespace tessera
