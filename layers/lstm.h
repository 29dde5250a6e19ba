// Layers of long short-term memory (framework/ops/lstm.h), batch first, as torch.nn.LSTM computes
// them. Layer k reads the outputs of layer k - 1, of both directions side by side; dropout lies
// between the layers, in training.
// Parameters, for each layer k: weight_ih_lk [4H, in], weight_hh_lk [4H, H], bias_ih_lk [4H],
// bias_hh_lk [4H], with rows in the order i, f, g, o; of the backward direction the same with the
// suffix _reverse. Both weights can be pruned, and run over their packed form (layers/use_tiles.h):
// weight_hh for one step at a time only, as a decoder takes them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/ops/lstm.h"
#include "layers/module.h"

namespace tessera {

class TileLinear;
struct TileMatrix;

class LSTM : public Module {
 public:
  /// REQUIRES: extents and layers >= 1, 0 <= dropout < 1.
  LSTM(int64_t input, int64_t hidden, int64_t layers = 1, bool bidirectional = false,
       double dropout = 0);

  const char* kind() const override { return "LSTM"; }
  /// [N, T, input] to [N, T, directions * hidden].
  Tensor forward(const Tensor& x) override { return run(x).output; }
  /// Also the final states. lengths: i64 [N] or undefined; outputs past them are 0. h0, c0, and h
  /// and c of the result: [layers * directions, N, hidden], the directions of a layer side by side.
  LstmOutput run(const Tensor& x, const Tensor& lengths = {}, const Tensor& h0 = {},
                 const Tensor& c0 = {});

  /// `tiles`: of the parameter `name` as it is now, with the biases, which must not change any
  /// more. Throws: std::invalid_argument where the shapes differ or there is no such weight.
  void use_tiles(const std::string& name, const TileMatrix& tiles);

 private:
  struct Direction {
    Tensor weight_ih, weight_hh, bias_ih, bias_hh;
    bool reverse;
    std::string suffix;
    std::shared_ptr<const TileLinear> tiles_ih = {}, tiles_hh = {};
  };
  Direction make_direction(int64_t input, int64_t layer, bool reverse);
  static LstmOutput run_direction(const Direction& by, const Tensor& x, const Tensor& lengths,
                                  const Tensor& h0, const Tensor& c0);

  int64_t hidden_, directions_;
  double dropout_;
  std::vector<Direction> all_;  ///< layer by layer
};

}  // namespace tessera
