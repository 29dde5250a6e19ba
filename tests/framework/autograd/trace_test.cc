#include "framework/autograd/trace.h"

#include <doctest/doctest.h>

#include "framework/autograd/autograd.h"
#include "framework/ops/add.h"
#include "framework/ops/relu.h"
#include "framework/ops/softmax.h"

using namespace tessera;

TEST_CASE("a trace holds the ops in order, with inputs, outputs and attributes") {
  const Tensor x = Tensor::full({2, 3}, 1.0), b = Tensor::full({3}, 2.0);
  NoGrad no_grad;  // a trace does not need the tape
  Trace trace;
  const Tensor y = softmax(relu(add(x, b)), -1);
  const auto& ops = trace.ops();
  REQUIRE(ops.size() == 3);
  CHECK(ops[0].op == "add");
  CHECK(ops[1].op == "relu");
  CHECK(ops[2].op == "softmax");
  CHECK(ops[0].inputs[0].id() == x.id());
  CHECK(ops[0].inputs[1].id() == b.id());
  CHECK(ops[1].inputs[0].id() == ops[0].output.id());
  CHECK(ops[2].inputs[0].id() == ops[1].output.id());
  CHECK(ops[2].output.id() == y.id());
  CHECK_FALSE(ops[0].attributes.has_value());
  CHECK(std::any_cast<SoftmaxOptions>(ops[2].attributes).axis == 1);
}

TEST_CASE("nothing is traced once the trace is closed") {
  const Tensor x = Tensor::full({1}, 1.0);
  {
    Trace trace;
    CHECK(Trace::active() == &trace);
  }
  CHECK(Trace::active() == nullptr);
  relu(x);
  Trace trace;
  CHECK(trace.ops().empty());
}

TEST_CASE("a second trace on one thread is an error") {
  Trace trace;
  CHECK_THROWS_WITH_AS(Trace(),
                       "[trace] one trace may be open on a thread; got a second. Close the first.",
                       std::invalid_argument);
  CHECK(Trace::active() == &trace);
}
