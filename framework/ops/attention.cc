#include "framework/ops/attention.h"

#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

void check_options(const Tensor& x, const Tensor& key_lengths, const AttentionOptions& options) {
  const Tensor& step = options.step;
  require(!key_lengths.defined() ||
              (key_lengths.dtype() == DType::i64 && key_lengths.shape() == Shape{x.dim(0)}),
          "[attention] key_lengths must be i64[", x.dim(0), "], one length a row of ", x, "; got ",
          key_lengths, ".");
  if (key_lengths.defined()) require_one_device("attention", x, key_lengths);
  require(options.dropout >= 0 && options.dropout < 1,
          "[attention] dropout must lie in [0, 1); got ", options.dropout, ".");
  require(options.scale >= 0, "[attention] scale must be positive, or 0 for 1 / sqrt(D); got ",
          options.scale, ".");
  require(!step.defined() ||
              (step.dtype() == DType::i32 && step.numel() == 1 && step.device() == x.device()),
          "[attention] step must be i32[1] on the device of q; got ", step, " for ", x, ".");
}

void check(const Tensor& q, const Tensor& k, const Tensor& v) {
  require(q.rank() == 4 && q.layout() == Layout::row_major && q.dim(3) >= 1,
          "[attention] q must be row-major [N, Tq, H, D] with D >= 1; got ", q, ".");
  for (const Tensor* other : {&k, &v}) {
    require(other->rank() == 4 && other->layout() == Layout::row_major &&
                other->dtype() == q.dtype() && other->dim(0) == q.dim(0) &&
                other->dim(2) == q.dim(2) && other->dim(3) == q.dim(3),
            "[attention] k and v must be row-major ", q.dtype(), "[", q.dim(0), ", Tk, ", q.dim(2),
            ", ", q.dim(3), "], as q = ", q, "; got ", k, " and ", v, ".");
    require_one_device("attention", q, *other);
  }
  require(k.dim(1) == v.dim(1), "[attention] k and v must agree in length; got ", k, " and ", v,
          ".");
}

AttentionOptions resolved(AttentionOptions options, int64_t D) {
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(D));
  if (!options.training) options.dropout = 0;
  return options;
}

struct Output {
  Tensor y;
  AttentionSaved saved;
};

Output run(const AttentionCall& call) {
  const auto& [N, H, Tq, Tk, D, causal] = call.shape;
  const TensorOptions& like = call.q.tensor.options();
  Output out{
      Tensor::empty({N, Tq, H, D}, like),
      {Tensor::empty({N, H, Tq}, {.dtype = accumulator_of(like.dtype), .device = like.device}),
       {}}};
  on_backend("attention", like.device,
             [&](auto& backend) { attention_forward(backend, call, out.saved, out.y); });
  return out;
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& key_lengths,
                 const AttentionOptions& options) {
  check(q, k, v);
  check_options(q, key_lengths, options);
  const int64_t H = q.dim(2), D = q.dim(3);
  const auto view = [&](const Tensor& x) { return HeadsView{x.detach(), 0, H * D}; };
  const AttentionCall call{view(q),
                           view(k),
                           view(v),
                           key_lengths,
                           {q.dim(0), H, q.dim(1), k.dim(1), D, options.causal},
                           resolved(options, D),
                           needs_gradient({q, k, v})};
  const Output out = run(call);
  auto backward = [call, saved = out.saved, y = out.y.detach()](const Tensor& dy) -> Gradients {
    const auto gradient = [](const HeadsView& x) {
      return HeadsView{Tensor::empty_like(x.tensor), x.offset, x.row};
    };
    HeadsView dq = gradient(call.q), dk = gradient(call.k), dv = gradient(call.v);
    on_backend("attention", dy.device(),
               [&](auto& backend) { attention_backward(backend, call, saved, y, dy, dq, dk, dv); });
    return {dq.tensor, dk.tensor, dv.tensor, {}};
  };
  return record("attention", {q, k, v, key_lengths}, out.y, backward, options);
}

Tensor packed_attention(const Tensor& qkv, const Tensor& key_lengths,
                        const AttentionOptions& options) {
  require(
      qkv.rank() == 5 && qkv.layout() == Layout::row_major && qkv.dim(2) == 3 && qkv.dim(4) >= 1,
      "[attention] qkv must be row-major [N, T, 3, H, D] with D >= 1; got ", qkv, ".");
  check_options(qkv, key_lengths, options);
  const int64_t T = qkv.dim(1), H = qkv.dim(3), D = qkv.dim(4), width = H * D;
  const auto part = [width](const Tensor& x, int64_t i) {
    return HeadsView{x, i * width, 3 * width};
  };
  const Tensor x = qkv.detach();
  const AttentionCall call{part(x, 0),
                           part(x, 1),
                           part(x, 2),
                           key_lengths,
                           {qkv.dim(0), H, T, T, D, options.causal},
                           resolved(options, D),
                           needs_gradient({qkv})};
  const Output out = run(call);
  auto backward = [call, part, saved = out.saved,
                   y = out.y.detach()](const Tensor& dy) -> Gradients {
    Tensor dqkv = Tensor::empty_like(call.q.tensor);
    HeadsView dq = part(dqkv, 0), dk = part(dqkv, 1), dv = part(dqkv, 2);
    on_backend("attention", dy.device(),
               [&](auto& backend) { attention_backward(backend, call, saved, y, dy, dq, dk, dv); });
    dq = dk = dv = {};
    return {dqkv, {}};
  };
  return record("packed_attention", {qkv, key_lengths}, out.y, backward, options);
}

}  // namespace tessera
