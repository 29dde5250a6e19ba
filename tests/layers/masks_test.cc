#include "layers/masks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "layers/linear.h"
#include "layers/sequential.h"

using namespace tessera;

namespace {

Tensor mask_of(const std::vector<uint8_t>& values, const Shape& shape) {
  return Tensor::from<uint8_t>(values, shape);
}

}  // namespace

TEST_CASE("masks zero weights and gradients, also those that are not finite") {
  Linear layer(2, 2);
  const auto parameters = layer.parameters();
  const Masks masks{{"weight", mask_of({1, 0, 0, 1}, {2, 2})}};
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  Tensor weight = parameters[0].tensor;
  weight.copy_from(Tensor::from<float>({1, kInfinite, std::nanf(""), 4}, {2, 2}));
  weight.set_grad(Tensor::from<float>({5, 6, kInfinite, 8}, {2, 2}));
  parameters[1].tensor.detach().fill(9);  // shares the elements
  apply_masks(parameters, masks);
  mask_gradients(parameters, masks);
  CHECK(weight.to_vector<float>() == std::vector<float>{1, 0, 0, 4});
  CHECK(weight.grad().to_vector<float>() == std::vector<float>{5, 0, 0, 8});
  CHECK(parameters[1].tensor.to_vector<float>() == std::vector<float>{9, 9});
}

TEST_CASE("sparsity counts over all masks") {
  CHECK(sparsity({}) == 0);
  CHECK(sparsity({{"a", mask_of({1, 0, 0, 0}, {4})}, {"b", mask_of({1, 1}, {2})}}) == 0.5);
  CHECK_FALSE(Masks().of("a").defined());
}

TEST_CASE("check_masks lists every mistake") {
  Sequential net;
  net.append<Linear>(2, 2);
  const auto parameters = net.parameters();
  CHECK_NOTHROW(check_masks(parameters, {{"0.weight", mask_of({1, 0, 0, 1}, {2, 2})}}));
  const auto message = [&](const Masks& masks) -> std::string {
    try {
      check_masks(parameters, masks);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string several = message({{"0.bias", mask_of({1, 0}, {2})},
                                       {"0.weight", mask_of({1, 0, 1, 1}, {4})},
                                       {"1.weight", mask_of({1}, {1})}});
  for (const char* part : {"0.bias: not the weight of", "0.weight: must be u8[2, 2]; got u8[4]",
                           "1.weight: no such parameter"})
    CHECK(several.find(part) != std::string::npos);
  CHECK(message({{"0.weight", mask_of({1, 2, 0, 0}, {2, 2})}}).find("other values than 0 and 1") !=
        std::string::npos);
}
