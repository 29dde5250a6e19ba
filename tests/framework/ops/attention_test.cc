#include "framework/ops/attention.h"

#include "framework/backend/cpu.h"
#include "tests/framework/ops/op_case.h"
#include "tests/largest_difference.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr RandomKey kKey{.seed = 3, .stream = 1, .step = 5};

Op attend(AttentionOptions options = {}) {
  return [=](const auto& in) {
    return attention(in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor{}, options);
  };
}

Op packed(AttentionOptions options = {}) {
  return [=](const auto& in) {
    return packed_attention(in[0], in.size() > 1 ? in[1] : Tensor{}, options);
  };
}

/// q, k and v with scores that differ by several units.
std::vector<Tensor> qkv(int64_t N, int64_t Tq, int64_t Tk, int64_t H, int64_t D) {
  return {uniform({N, Tq, H, D}, -2, 2, 1), uniform({N, Tk, H, D}, -2, 2, 2),
          uniform({N, Tk, H, D}, -2, 2, 3)};
}

std::vector<Tensor> with_lengths(std::vector<Tensor> inputs, const std::vector<int64_t>& lengths) {
  inputs.push_back(Tensor::from(lengths, {static_cast<int64_t>(lengths.size())}));
  return inputs;
}

/// What the definition says for one query: its output, added to y [D].
void attend(const std::vector<Tensor>& in, const AttentionOptions& options, int64_t n, int64_t h,
            int64_t i, double* y) {
  const int64_t Tq = in[0].dim(1), Tk = in[1].dim(1), H = in[0].dim(2), D = in[0].dim(3);
  int64_t end = in.size() > 3 ? std::min(in[3].data<int64_t>()[n], Tk) : Tk;
  if (options.causal) end = std::min(end, i + Tk - Tq + 1);
  const auto row = [&](const Tensor& x, int64_t t) {
    return x.data<double>() + ((n * x.dim(1) + t) * H + h) * D;
  };
  const double scale = options.scale > 0 ? options.scale : 1 / std::sqrt(static_cast<double>(D));
  std::vector<double> e;
  double sum = 0;
  for (int64_t j = 0; j < end; ++j) {
    double score = 0;
    for (int64_t d = 0; d < D; ++d) score += row(in[0], i)[d] * row(in[1], j)[d];
    e.push_back(std::exp(score * scale));
    sum += e.back();
  }
  for (int64_t j = 0; j < end; ++j) {
    const auto number = static_cast<uint64_t>(((n * H + h) * Tq + i) * Tk + j);
    const bool kept = uniform_from(options.key.word(number)) >= static_cast<float>(options.dropout);
    const double p = kept ? e[static_cast<size_t>(j)] / sum / (1 - options.dropout) : 0;
    for (int64_t d = 0; d < D; ++d) y[d] += p * row(in[2], j)[d];
  }
}

std::vector<double> reference(const std::vector<Tensor>& in, const AttentionOptions& options = {}) {
  const int64_t N = in[0].dim(0), Tq = in[0].dim(1), H = in[0].dim(2), D = in[0].dim(3);
  std::vector<double> y(static_cast<size_t>(in[0].numel()));
  for (int64_t n = 0; n < N; ++n)
    for (int64_t h = 0; h < H; ++h)
      for (int64_t i = 0; i < Tq; ++i)
        attend(in, options, n, h, i, y.data() + ((n * Tq + i) * H + h) * D);
  return y;
}

/// [N, T, 3, H, D] from q, k and v of one length.
Tensor interleaved(const std::vector<Tensor>& in) {
  const int64_t rows = in[0].dim(0) * in[0].dim(1), width = in[0].dim(2) * in[0].dim(3);
  Tensor out =
      Tensor::empty({in[0].dim(0), in[0].dim(1), 3, in[0].dim(2), in[0].dim(3)}, in[0].options());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t part = 0; part < 3; ++part)
      std::copy_n(in[static_cast<size_t>(part)].data<double>() + row * width, width,
                  out.data<double>() + (row * 3 + part) * width);
  return out;
}

/// A copy for the tiles of CUDA: it checks fewer elements against finite differences, since the
/// gradients on the CPU are those of smaller cases.
OpCase sampled(OpCase test) {
  test.gradient_elements = 6;
  test.half_roundings = 8;  // sums of up to 150 terms that were rounded
  return test;
}

OpCase matches(const std::string& name, const std::vector<Tensor>& in,
               const AttentionOptions& options = {}) {
  return {.name = name,
          .op = attend(options),
          .inputs = in,
          .expected = reference(in, options),
          .tolerance_f32 = 3e-5,
          .gradient_elements = 60,
          // p and its gradient are rounded for their products, and y for the sum of y * dy.
          .half_roundings = 6};
}

}  // namespace

TEST_CASE("attention") {
  const AttentionOptions causal{.causal = true};
  for (const OpCase& test : std::vector<OpCase>{
           {"one key: its value",
            attend(),
            qkv(1, 2, 1, 1, 2),
            {qkv(1, 2, 1, 1, 2)[2].data<double>()[0], qkv(1, 2, 1, 1, 2)[2].data<double>()[1],
             qkv(1, 2, 1, 1, 2)[2].data<double>()[0], qkv(1, 2, 1, 1, 2)[2].data<double>()[1]}},
           matches("two heads", qkv(2, 3, 5, 2, 4)),
           matches("causal", qkv(2, 5, 5, 2, 3), causal),
           matches("causal, more keys than queries", qkv(1, 3, 7, 2, 4), causal),
           matches("causal, more queries than keys", qkv(1, 6, 4, 1, 4), causal),
           matches("another scale", qkv(1, 3, 4, 1, 5), {.scale = 0.25}),
           matches("lengths", with_lengths(qkv(3, 4, 6, 2, 3), {6, 0, 2})),
           matches("lengths out of range", with_lengths(qkv(2, 3, 4, 1, 2), {9, -1})),
           matches("lengths and causal", with_lengths(qkv(2, 6, 6, 1, 3), {4, 6}), causal),
           matches("one query", qkv(2, 1, 70, 2, 33)),
           matches("one query, lengths", with_lengths(qkv(3, 1, 40, 1, 16), {40, 0, 17})),
           matches("two queries, causal", qkv(1, 2, 37, 2, 8), causal),
           matches("longer than a block", qkv(1, 37, 141, 1, 33)),
           matches("longer than a block, causal", with_lengths(qkv(2, 70, 70, 1, 8), {70, 65}),
                   causal),
           matches("widest head on CUDA", qkv(1, 5, 6, 1, 128)),
           matches("dropout", qkv(2, 3, 5, 2, 4), {.dropout = 0.4, .key = kKey}),
           matches("dropout, longer than a block, causal", qkv(1, 70, 131, 2, 4),
                   {.causal = true, .dropout = 0.2, .key = kKey}),
           {.name = "no queries", .op = attend(), .inputs = qkv(2, 0, 3, 1, 2)},
           {.name = "no keys",
           .op = attend(),
           .inputs = qkv(1, 2, 0, 1, 2),
           .expected = {0, 0, 0, 0}},
           {.name = "no rows", .op = attend(), .inputs = qkv(0, 2, 3, 1, 2)},
       })
    check(test);
}

// bf16 and f16 take the tensor cores where D is a multiple of 8: tiles of 64 or 32 keys meet 128 or
// 64 queries, 16 a warp, and dropout draws four keys at once where Tk is a multiple of 4.
TEST_CASE("attention: tiles") {
  const AttentionOptions causal{.causal = true}, dropped{.dropout = 0.3, .key = kKey};
  const AttentionOptions both{.causal = true, .dropout = 0.3, .key = kKey};
  for (const OpCase& test : std::vector<OpCase>{
           matches("one row of a tile", qkv(1, 1, 1, 1, 8)),
           matches("whole tiles", qkv(1, 128, 128, 1, 64)),
           matches("ragged tiles", qkv(1, 131, 67, 2, 64)),
           matches("narrow", qkv(2, 40, 75, 1, 32)),
           matches("narrower than its fragments", qkv(1, 20, 70, 2, 24)),
           matches("wide", qkv(1, 70, 100, 1, 128)),
           matches("between widths", qkv(1, 33, 70, 1, 96)),
           matches("causal", qkv(1, 150, 150, 1, 64), causal),
           matches("causal, narrow", qkv(1, 140, 140, 1, 16), causal),
           matches("causal, wide, more keys", qkv(1, 70, 140, 1, 128), causal),
           matches("causal, more queries", qkv(1, 140, 70, 1, 64), causal),
           matches("lengths", with_lengths(qkv(4, 66, 130, 1, 64), {130, 0, 64, 65})),
           matches("lengths and causal", with_lengths(qkv(3, 100, 100, 1, 32), {100, 33, 64}),
                   causal),
           matches("dropout", qkv(1, 70, 132, 2, 64), dropped),
           matches("dropout, not by four", qkv(1, 70, 131, 2, 64), dropped),
           matches("dropout, drawn again by backward: its bits would take more than y in halves",
                   qkv(1, 70, 152, 2, 8), dropped),
           matches("dropout, drawn again by backward: its bits would take more than y in f32",
                   qkv(1, 70, 152, 2, 4), dropped),
           matches("dropout, lengths, several tiles",
                   with_lengths(qkv(2, 150, 200, 2, 64), {200, 77}), dropped),
           matches("dropout, causal, wide", qkv(1, 72, 72, 2, 128), both),
           matches("dropout, causal, lengths, narrow", with_lengths(qkv(2, 68, 68, 2, 32), {68, 5}),
                   both),
           matches("another scale", qkv(1, 20, 20, 1, 64), {.scale = 0.25}),
       })
    check(sampled(test));
}

TEST_CASE("attention: packed") {
  const auto in = qkv(2, 35, 35, 2, 4), lengths = with_lengths({interleaved(in)}, {35, 20});
  for (const AttentionOptions& options :
       std::vector<AttentionOptions>{{}, {.causal = true}, {.dropout = 0.3, .key = kKey}}) {
    auto test = matches("packed", with_lengths(in, {35, 20}), options);
    test.op = packed(options);
    test.inputs = lengths;
    check(test);
  }
  const auto wide = qkv(2, 68, 68, 2, 64);
  for (const AttentionOptions& options :
       std::vector<AttentionOptions>{{}, {.causal = true, .dropout = 0.3, .key = kKey}}) {
    auto test = sampled(matches("packed, tiles", with_lengths(wide, {68, 20}), options));
    test.op = packed(options);
    test.inputs = with_lengths({interleaved(wide)}, {68, 20});
    check(test);
  }
  check({.name = "not three",
         .op = packed(),
         .inputs = {uniform({1, 2, 2, 1, 4})},
         .throws = "[attention] qkv must be row-major [N, T, 3, H, D] with D >= 1; got "
                   "f64[1, 2, 2, 1, 4]."});
}

TEST_CASE("attention: errors") {
  const auto in = qkv(2, 3, 4, 2, 5);
  for (const OpCase& test : std::vector<OpCase>{
           {.name = "q of rank 3",
  .op = attend(),
  .inputs = {uniform({2, 3, 10}), in[1], in[2]},
  .throws = "[attention] q must be row-major [N, Tq, H, D] with D >= 1; got "
            "f64[2, 3, 10]."},
           {.name = "heads differ",
           .op = attend(),
           .inputs = {in[0], in[1], uniform({2, 4, 1, 5})},
           .throws = "[attention] k and v must be row-major f64[2, Tk, 2, 5], as q = "
                     "f64[2, 3, 2, 5]; got f64[2, 4, 2, 5] and f64[2, 4, 1, 5]."},
           {.name = "lengths differ",
           .op = attend(),
           .inputs = {in[0], in[1], uniform({2, 3, 2, 5})},
           .throws = "[attention] k and v must agree in length; got f64[2, 4, 2, 5] and "
                     "f64[2, 3, 2, 5]."},
           {.name = "too few key lengths",
           .op = attend(),
           .inputs = with_lengths(in, {1}),
           .throws = "[attention] key_lengths must be i64[2], one length a row of "
                     "f64[2, 3, 2, 5]; got i64[1]."},
           {.name = "everything dropped",
           .op = attend({.dropout = 1}),
           .inputs = in,
           .throws = "[attention] dropout must lie in [0, 1); got 1."},
           {.name = "negative scale",
           .op = attend({.scale = -1}),
           .inputs = in,
           .throws = "[attention] scale must be positive, or 0 for 1 / sqrt(D); got -1."},
           {.name = "step of another type",
           .op = attend({.dropout = 0.1, .step = Tensor::zeros({1})}),
           .inputs = in,
           .throws = "[attention] step must be i32[1] on the device of q; got f32[1]",
           .cpu_only = "the step stays on the CPU"},
           {.name = "integers",
           .op = attend(),
           .inputs = {Tensor::from<int32_t>({1}, {1, 1, 1, 1}),
                      Tensor::from<int32_t>({1}, {1, 1, 1, 1}),
                      Tensor::from<int32_t>({1}, {1, 1, 1, 1})},
           .throws = "[attention] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("attention: nothing is dropped in evaluation") {
  const auto in = qkv(1, 3, 4, 1, 2);
  const Tensor dropped = attend({.dropout = 0.5, .key = kKey, .training = false})(in);
  CHECK(dropped.to_vector<double>() == attend()(in).to_vector<double>());
}

TEST_CASE("attention: the step may come from a tensor") {
  const auto in = qkv(1, 9, 9, 1, 2);
  RandomKey elsewhere = kKey;
  elsewhere.step = 77;
  const Tensor step = Tensor::from<int32_t>({static_cast<int32_t>(kKey.step)}, {1});
  CHECK(attend({.dropout = 0.5, .key = elsewhere, .step = step})(in).to_vector<double>() ==
        attend({.dropout = 0.5, .key = kKey})(in).to_vector<double>());
}

TEST_CASE("attention: backward knows what forward dropped, whatever the step has become") {
  const auto gradients = [&](int32_t step_then) {
    auto in = qkv(2, 70, 130, 2, 32);
    for (Tensor& x : in) x = x.to(DType::f32).set_requires_grad();
    Tensor step = Tensor::from<int32_t>({5}, {1});
    const Tensor y = attend({.dropout = 0.5, .key = kKey, .step = step})(in);
    step.data<int32_t>()[0] = step_then;
    backward(y, Tensor::full(y.shape(), 1, {.dtype = DType::f32}));
    return in[0].grad().to_vector<float>();
  };
  CHECK(gradients(5) == gradients(6));
}

TEST_CASE("attention: the same bits at any number of threads") {
  const int threads = cpu().threads();
  const OpCase test{.name = "threads",
                    .op = attend({.causal = true, .dropout = 0.1, .key = kKey}),
                    .inputs = qkv(3, 70, 140, 3, 8)};
  for (const bool in_bf16 : {false, true}) {
    if (in_bf16 && !cpu().why_no_bf16_products().empty()) continue;
    INFO("products in bf16: ", in_bf16);
    cpu().set_bf16_products(in_bf16);
    std::vector<std::vector<float>> results;
    for (int n : {1, 2, 3}) {
      cpu().set_threads(n);
      const auto got = differentiate(test, {.dtype = DType::f32});
      results.push_back(got.y.to_vector<float>());
      for (const Tensor& gradient : got.gradients)
        for (float value : gradient.to_vector<float>()) results.back().push_back(value);
    }
    cpu().set_bf16_products(false);
    cpu().set_threads(threads);
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE("attention: large scores neither overflow nor leave a query without weight") {
  const Tensor q = Tensor::full({1, 2, 1, 4}, 100.0), k = Tensor::full({1, 3, 1, 4}, 100.0);
  const Tensor v = Tensor::full({1, 3, 1, 4}, 2.0);
  for (float value : attention(q, k, v).to_vector<float>()) CHECK(value == doctest::Approx(2));
}

TEST_CASE("attention: products in bf16 on a CPU that has it") {
  if (const std::string why_not = cpu().why_no_bf16_products(); !why_not.empty()) {
    MESSAGE("skipped: no products in bf16: ", why_not);
    return;
  }
  for (OpCase test :
       {matches("a few queries", qkv(2, 3, 7, 2, 5)), matches("blocks", qkv(1, 70, 130, 2, 40)),
        matches("causal", qkv(2, 66, 66, 1, 32), {.causal = true}),
        matches("causal and fewer queries", qkv(1, 3, 67, 2, 16), {.causal = true}),
        matches("lengths", with_lengths(qkv(3, 5, 40, 2, 8), {40, 0, 9})),
        matches("dropout", qkv(1, 40, 101, 2, 8), {.causal = true, .dropout = 0.3, .key = kKey})}) {
    INFO(test.name);
    const auto exact = differentiate(test, {.dtype = DType::f64, .rounded = DType::bf16});
    cpu().set_bf16_products(true);
    const auto got = differentiate(test, {.dtype = DType::f32, .rounded = DType::bf16});
    cpu().set_bf16_products(false);
    // As on CUDA, and q is rounded after it was scaled: by scores of several units more.
    test.half_roundings = 12;
    check_close(got, exact, cuda_tolerance(test, DType::bf16));
    CHECK(largest_difference(got.y, exact.y) > 1e-5);
  }
}
