// The tape knows one output an op, so that all results are one tensor [N, T + 2, H]: the outputs of
// the T steps, then h, then c, from which lstm() slices them.
#include "framework/ops/lstm.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/matmul.h"
#include "framework/ops/mixed_precision.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"

namespace tessera {
namespace {

struct Extents {
  int64_t N, T, H;
};

Extents check(const Tensor& gates_x, const Tensor& weight_hh, const Tensor& lengths,
              const Tensor& h0, const Tensor& c0) {
  require(gates_x.rank() == 3 && gates_x.layout() == Layout::row_major && gates_x.dim(2) >= 4 &&
              gates_x.dim(2) % 4 == 0,
          "[lstm] gates_x must be row-major [N, T, 4H] with H >= 1; got ", gates_x, ".");
  const int64_t N = gates_x.dim(0), H = gates_x.dim(2) / 4;
  require(weight_hh.shape() == Shape{4 * H, H} && weight_hh.layout() == Layout::row_major &&
              takes_parameter(gates_x.dtype(), weight_hh.dtype()),
          "[lstm] weight_hh must be ", parameter_types(gates_x.dtype()), "[", 4 * H, ", ", H,
          "], as gates_x = ", gates_x, "; got ", weight_hh, ".");
  require(!lengths.defined() || (lengths.dtype() == DType::i64 && lengths.shape() == Shape{N}),
          "[lstm] lengths must be i64[", N, "], one length a row of ", gates_x, "; got ", lengths,
          ".");
  for (const Tensor* state : {&h0, &c0})
    require(
        !state->defined() || (state->shape() == Shape{N, H} && state->dtype() == gates_x.dtype() &&
                              state->layout() == Layout::row_major),
        "[lstm] h0 and c0 must be row-major ", gates_x.dtype(), "[", N, ", ", H,
        "], as gates_x = ", gates_x, "; got ", *state, ".");
  for (const Tensor* other : {&weight_hh, &lengths, &h0, &c0})
    if (other->defined()) require_one_device("lstm", gates_x, *other);
  return {N, gates_x.dim(1), H};
}

/// Step number s of T, in the order in which they run.
int64_t step_at(int64_t s, int64_t T, bool reverse) { return reverse ? T - 1 - s : s; }

/// A copy in the given type that may be overwritten.
Tensor own(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x.clone() : x.to(dtype); }

Tensor run(const Tensor& gates_x, const Tensor& weight, const Tensor& lengths, const Tensor& h0,
           const Tensor& c0, bool reverse, LstmSaved& saved) {
  const int64_t N = gates_x.dim(0), T = gates_x.dim(1), H = weight.dim(1);
  const TensorOptions like = gates_x.options();
  TensorOptions sums = like;
  sums.dtype = accumulator_of(like.dtype);
  Tensor y = Tensor::empty({N, T + 2, H}, like), recurrent = Tensor::zeros({N, 4 * H}, sums);
  Tensor h = h0.defined() ? own(h0, like.dtype) : Tensor::zeros({N, H}, like);
  Tensor c = c0.defined() ? own(c0, sums.dtype) : Tensor::zeros({N, H}, sums);
  on_backend("lstm", like.device, [&](auto& backend) {
    for (int64_t s = 0; s < T; ++s) {
      if (s > 0 || h0.defined())
        matmul_forward(backend, h, weight, {.transpose_b = true}, recurrent);
      lstm_step_forward(backend, step_at(s, T, reverse), gates_x, recurrent, lengths, h, c, saved,
                        y);
    }
    copy_along_axis(backend, h.alias({N, 1, H}), 0, y, T, 1, 1);
    copy_along_axis(backend, c.to(like.dtype).alias({N, 1, H}), 0, y, T + 1, 1, 1);
  });
  return y;
}

/// What backward needs beside dy.
struct Tape {
  Tensor weight;  ///< rounded to the type of gates_x
  DType weight_dtype;
  Tensor lengths;
  LstmSaved saved;
  bool reverse, needs_h0;

  Gradients operator()(const Tensor& dy) const {
    const int64_t N = dy.dim(0), T = dy.dim(1) - 2, H = dy.dim(2);
    TensorOptions sums = dy.options();
    sums.dtype = accumulator_of(dy.dtype());
    const auto state = [&](int64_t row) {
      return own(slice(dy, 1, row, row + 1), sums.dtype).alias({N, H});
    };
    LstmGradient gradient{.dgates = Tensor::empty({N, 4 * H}, dy.options()),
                          .product = Tensor::zeros({N, H}, sums),
                          .kept = state(T),
                          .dc = state(T + 1)};
    Tensor dgates_x = Tensor::empty({N, T, 4 * H}, dy.options());
    TensorOptions of_weight = dy.options();
    of_weight.dtype = weight_dtype;
    Tensor dweight = Tensor::empty({4 * H, H}, of_weight);
    on_backend("lstm", dy.device(), [&](auto& backend) {
      for (int64_t s = T - 1; s >= 0; --s) {
        lstm_step_backward(backend, step_at(s, T, reverse), saved, lengths, dy, gradient, dgates_x);
        if (s > 0 || needs_h0)
          matmul_forward(backend, gradient.dgates, weight, {}, gradient.product);
      }
      matmul_forward(backend, dgates_x.alias({N * T, 4 * H}), saved.h.alias({N * T, H}),
                     {.transpose_a = true}, dweight);
    });
    Tensor dh0 = gradient.product;
    accumulate_gradient(dh0, gradient.kept);
    return {dgates_x, dweight, {}, dh0.to(dy.dtype()), gradient.dc.to(dy.dtype())};
  }
};

}  // namespace

LstmOutput lstm(const Tensor& gates_x, const Tensor& weight_hh, const Tensor& lengths,
                const Tensor& h0, const Tensor& c0, LstmOptions options) {
  const auto [N, T, H] = check(gates_x, weight_hh, lengths, h0, c0);
  const std::vector<Tensor> inputs{gates_x, weight_hh, lengths, h0, c0};
  LstmSaved saved;
  if (needs_gradient(inputs)) {
    TensorOptions sums = gates_x.options();
    sums.dtype = accumulator_of(sums.dtype);
    saved = {Tensor::empty_like(gates_x), Tensor::empty({N, T, H}, gates_x.options()),
             Tensor::empty({N, T, H}, sums)};
  }
  const Tensor weight = weight_hh.to(gates_x.dtype()).detach();
  const Tensor y =
      record("lstm", inputs, run(gates_x, weight, lengths, h0, c0, options.reverse, saved),
             Tape{weight, weight_hh.dtype(), lengths, saved, options.reverse, needs_gradient({h0})},
             options);
  const auto state = [&, rows = N, width = H](int64_t row) {
    return reshape(slice(y, 1, row, row + 1), {rows, width});
  };
  return {slice(y, 1, 0, T), state(T), state(T + 1)};
}

}  // namespace tessera
