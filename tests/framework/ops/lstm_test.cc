#include "framework/ops/lstm.h"

#include "framework/ops/concat.h"
#include "framework/ops/reshape.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// All three results, so that the gradients of each are checked: [N, (T + 2) H].
Op with(LstmOptions options = {}) {
  return [=](const auto& in) {
    const auto optional = [&](size_t i) { return in.size() > i ? in[i] : Tensor{}; };
    const LstmOutput out = lstm(in[0], in[1], optional(2), optional(3), optional(4), options);
    const int64_t N = out.h.dim(0), width = out.output.numel() / std::max<int64_t>(N, 1);
    return concat({reshape(out.output, {N, width}), out.h, out.c}, 1);
  };
}

std::vector<Tensor> sequence(int64_t N, int64_t T, int64_t H) {
  return {uniform({N, T, 4 * H}, -2, 2, 1), uniform({4 * H, H}, -1, 1, 2)};
}

Tensor lengths_of(const std::vector<int64_t>& lengths) {
  return Tensor::from(lengths, {static_cast<int64_t>(lengths.size())});
}

std::vector<Tensor> with_state(std::vector<Tensor> in, const Tensor& lengths = {}) {
  const int64_t N = in[0].dim(0), H = in[1].dim(1);
  in.insert(in.end(), {lengths, uniform({N, H}, -1, 1, 3), uniform({N, H}, -2, 2, 4)});
  return in;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// What the definition says for row n: its outputs, then h, then c.
std::vector<double> row_of(const std::vector<Tensor>& in, bool reverse, int64_t n) {
  const int64_t T = in[0].dim(1), H = in[1].dim(1);
  const auto state = [&](size_t i) {
    std::vector<double> out(static_cast<size_t>(H));
    if (in.size() > i) std::copy_n(in[i].data<double>() + n * H, H, out.begin());
    return out;
  };
  auto h = state(3), c = state(4);
  const int64_t length = in.size() > 2 && in[2].defined() ? in[2].data<int64_t>()[n] : T;
  std::vector<double> out(static_cast<size_t>(T * H));
  for (int64_t s = 0; s < T; ++s) {
    const int64_t t = reverse ? T - 1 - s : s;
    if (t >= length) continue;
    std::vector<double> z(in[0].data<double>() + (n * T + t) * 4 * H,
                          in[0].data<double>() + (n * T + t + 1) * 4 * H);
    for (int64_t k = 0; k < 4 * H; ++k)
      for (int64_t j = 0; j < H; ++j)
        z[static_cast<size_t>(k)] += in[1].data<double>()[k * H + j] * h[static_cast<size_t>(j)];
    for (int64_t j = 0; j < H; ++j) {
      const auto gate = [&](int64_t k) { return z[static_cast<size_t>(k * H + j)]; };
      const auto at = static_cast<size_t>(j);
      c[at] = sigmoid(gate(1)) * c[at] + sigmoid(gate(0)) * std::tanh(gate(2));
      h[at] = sigmoid(gate(3)) * std::tanh(c[at]);
      out[static_cast<size_t>(t * H + j)] = h[at];
    }
  }
  out.insert(out.end(), h.begin(), h.end());
  out.insert(out.end(), c.begin(), c.end());
  return out;
}

OpCase matches(const std::string& name, const std::vector<Tensor>& in, LstmOptions options = {}) {
  std::vector<double> expected;
  for (int64_t n = 0; n < in[0].dim(0); ++n)
    for (double value : row_of(in, options.reverse, n)) expected.push_back(value);
  return {.name = name,
          .op = with(options),
          .inputs = in,
          .expected = expected,
          .gradient_elements = 60,
          // h is rounded at every step, and its error comes back through four gates.
          .half_roundings = 12};
}

}  // namespace

TEST_CASE("lstm") {
  // One step from zeros: c = sigmoid(1) tanh(0.5), h = sigmoid(2) tanh(c).
  const std::vector<Tensor> one{Tensor::from<double>({1, -1, 0.5, 2}, {1, 1, 4}),
                                Tensor::from<double>({9, 9, 9, 9}, {4, 1})};
  const Tensor lengths = lengths_of({5, 0, 3});
  for (const OpCase& test : std::vector<OpCase>{
           {"one step", with(), one, {0.286737276378271, 0.286737276378271, 0.33783471214704114}},
           matches("several steps", sequence(2, 4, 3)),
           matches("in reverse", sequence(2, 4, 3), {.reverse = true}),
           matches("given state", with_state(sequence(2, 3, 2))),
           matches("lengths", with_state(sequence(3, 5, 2), lengths)),
           matches("lengths in reverse", with_state(sequence(3, 5, 2), lengths), {.reverse = true}),
           matches("a step of decoding", with_state(sequence(4, 1, 5))),
           matches("wider than a vector",
                   with_state(sequence(5, 3, 19), lengths_of({3, 1, 2, 0, 3}))),
           {.name = "no steps", .op = with(), .inputs = with_state(sequence(2, 0, 3))},
           {.name = "no rows", .op = with(), .inputs = with_state(sequence(0, 2, 3))},
       })
    check(test);
}

TEST_CASE("lstm: errors") {
  const auto in = with_state(sequence(2, 3, 2));
  for (const OpCase& test : std::vector<OpCase>{
           {.name = "gates of rank 2",
  .op = with(),
  .inputs = {uniform({3, 8}), in[1]},
  .throws = "[lstm] gates_x must be row-major [N, T, 4H] with H >= 1; got f64[3, 8]."},
           {.name = "no multiple of four",
           .op = with(),
           .inputs = {uniform({2, 3, 7}), in[1]},
           .throws = "[lstm] gates_x must be row-major [N, T, 4H] with H >= 1; got f64[2, 3, 7]."},
           {.name = "weight of another width",
           .op = with(),
           .inputs = {in[0], uniform({8, 3})},
           .throws = "[8, 2], as gates_x = f64[2, 3, 8]; got f64[8, 3]."},
           {.name = "too few lengths",
           .op = with(),
           .inputs = {in[0], in[1], lengths_of({1})},
           .throws = "[lstm] lengths must be i64[2], one length a row of f64[2, 3, 8]; got "
                     "i64[1]."},
           {.name = "state of another batch",
           .op = with(),
           .inputs = {in[0], in[1], {}, uniform({1, 2}), in[4]},
           .throws = "[lstm] h0 and c0 must be row-major f64[2, 2], as gates_x = f64[2, 3, 8]; "
                     "got f64[1, 2]."},
           {.name = "integers",
           .op = with(),
           .inputs = {Tensor::from<int32_t>({1, 1, 1, 1}, {1, 1, 4}),
                      Tensor::from<int32_t>({1, 1, 1, 1}, {4, 1})},
           .throws = "[lstm] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("lstm: a step at a time gives what the whole sequence gives") {
  const auto in = sequence(2, 4, 3);
  const LstmOutput whole = lstm(in[0], in[1]);
  Tensor h, c;
  for (int64_t t = 0; t < 4; ++t) {
    Tensor step = Tensor::empty({2, 1, 12}, in[0].options());
    for (int64_t n = 0; n < 2; ++n)
      std::copy_n(in[0].data<double>() + (n * 4 + t) * 12, 12, step.data<double>() + n * 12);
    const LstmOutput out = lstm(step, in[1], {}, h, c);
    h = out.h;
    c = out.c;
  }
  check_close(h, whole.h, 1e-15);
  check_close(c, whole.c, 1e-15);
}

TEST_CASE("lstm: without gradients nothing is kept, and the results are the same") {
  const auto in = with_state(sequence(3, 5, 2), lengths_of({5, 0, 3}));
  auto tracked = in;
  tracked[0].set_requires_grad();
  const Tensor want = with()(tracked);
  NoGrad no_grad;
  CHECK(with()(in).to_vector<double>() == want.to_vector<double>());
}
