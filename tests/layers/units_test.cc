#include "layers/units.h"

#include <doctest/doctest.h>

#include "layers/activations.h"
#include "layers/conv2d.h"
#include "layers/flatten.h"
#include "layers/multi_head_attention.h"
#include "layers/residual.h"
#include "layers/sequential.h"

using namespace tessera;
using Axis = UnitAxis::Axis;

namespace {

constexpr std::array<int64_t, 2> kKernel{3, 3};

void check_part(const UnitAxis& part, const char* set, Axis axis, int64_t count,
                int64_t sections = 1) {
  CHECK(part.set == set);
  CHECK(part.axis == axis);
  CHECK(part.count == count);
  CHECK(part.sections == sections);
}

}  // namespace

TEST_CASE("heads: the outputs of query, key and value and the inputs of the output") {
  MultiHeadAttention separate(8, 2, 0), packed(8, 2, 0, {.output = "proj", .packed = "qkv"});
  auto parts = declared_units(separate, UnitKind::heads);
  REQUIRE(parts.size() == 4);
  for (const char* name : {"q_proj.weight", "k_proj.weight", "v_proj.weight"})
    check_part(parts.at(name).at(0), "", Axis::outputs, 2);
  check_part(parts.at("out_proj.weight").at(0), "", Axis::inputs, 2);
  parts = declared_units(packed, UnitKind::heads);
  REQUIRE(parts.size() == 2);
  check_part(parts.at("qkv.weight").at(0), "", Axis::outputs, 2, 3);
  check_part(parts.at("proj.weight").at(0), "", Axis::inputs, 2);
  CHECK(declared_units(packed, UnitKind::channels).empty());
}

TEST_CASE("channels: of a convolution, and of the next one unless something mixes them") {
  Sequential layers;
  layers.append<Conv2d>(3, 8, kKernel);
  layers.append<ReLU>();
  layers.append<Conv2d>(8, 4, kKernel);
  layers.append<Conv2d>(4, 4, kKernel, Conv2dOptions{.groups = 2});
  layers.append<Flatten>();
  layers.append<Conv2d>(4, 2, kKernel);
  const auto parts = declared_units(layers, UnitKind::channels);
  REQUIRE(parts.size() == 4);
  CHECK(parts.at("0.weight").size() == 1);
  check_part(parts.at("0.weight")[0], "0", Axis::outputs, 8);
  REQUIRE(parts.at("2.weight").size() == 2);
  check_part(parts.at("2.weight")[0], "0", Axis::inputs, 8);
  check_part(parts.at("2.weight")[1], "2", Axis::outputs, 4);
  CHECK(parts.at("3.weight").size() == 1);  // groups
  CHECK(parts.at("5.weight").size() == 1);
}

TEST_CASE("channels: those inside a residual block go together, those of its stream do not") {
  BasicBlock block(4, 4, 1);
  const auto parts = declared_units(block, UnitKind::channels);
  CHECK(parts.at("conv1.weight").size() == 1);
  REQUIRE(parts.at("conv2.weight").size() == 2);
  check_part(parts.at("conv2.weight")[0], "conv1", Axis::inputs, 4);
}
