#include "optim/loss_scale.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "framework/backend/tensor_list_cuda.h"

using namespace tessera;

TEST_CASE("the factor halves on overflow, doubles after 2000 good steps and stays in its range") {
  LossScaleValues values;
  for (int i = 0; i < 1999; ++i) values = after_step(values, false);
  CHECK(values.scale == 65536);
  values = after_step(values, false);
  CHECK(values.scale == 131072);
  CHECK(values.good_steps == 0);
  values = after_step(after_step(values, false), true);
  CHECK(values.scale == 65536);
  CHECK(values.good_steps == 0);
  for (int i = 0; i < 100; ++i) values = after_step(values, true);
  CHECK(values.scale == 1);
  for (int i = 0; i < 100 * 2000; ++i) values = after_step(values, false);
  CHECK(values.scale == 16777216);
}

TEST_CASE("gradients are divided by the factor, and one that is not finite is noted") {
  Parameter parameter{"w", Tensor::zeros({2})};
  parameter.tensor.set_requires_grad().set_grad(Tensor::from<float>({65536, -131072}, {2}));
  LossScale scale{Device{}};
  CHECK(scale.factor().item() == 65536);
  scale.unscale({parameter});
  CHECK(parameter.tensor.grad().to_vector<float>() == std::vector<float>{1, -2});
  CHECK(scale.overflowed().item() == 0);
  scale.update();
  CHECK(scale.factor().item() == 65536);

  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  parameter.tensor.set_grad(Tensor::from<float>({1, kInfinite}, {2}));
  scale.unscale({parameter});
  CHECK(scale.overflowed().item() == 1);
  scale.update();
  CHECK(scale.factor().item() == 32768);

  LossScale resumed{Device{}};
  resumed.load_state(scale.state());
  CHECK(resumed.factor().item() == 32768);
}

TEST_CASE("the blocks of a list cover each element of each tensor once") {
  std::vector<ListItem<1>> items;
  std::vector<std::vector<int>> visits;
  for (const int64_t n : {int64_t{1}, int64_t{0}, kListChunk, kListChunk + 1, 3 * kListChunk - 1})
    for (int copies = 0; copies < 300; ++copies) visits.emplace_back(static_cast<size_t>(n), 0);
  for (auto& visit : visits)
    items.push_back({{visit.data()}, static_cast<int64_t>(visit.size()), 0, 0});
  int lists = 0;
  launch_lists(items, [&](const TensorList<1>& list, int64_t blocks) {
    ++lists;
    for (int64_t block = 0; block < blocks; ++block) {
      const ListItem<1>& item = list.items[list.item_of(block)];
      const ListRange range = range_of(item, block);
      REQUIRE(range.begin < range.end);
      for (int64_t i = range.begin; i < range.end; ++i) ++static_cast<int*>(item.data[0])[i];
    }
  });
  CHECK(lists == 2);  // 1200 items with elements, 1000 a list
  int64_t wrong = 0;
  for (const auto& visit : visits)
    for (const int count : visit) wrong += count != 1;
  CHECK(wrong == 0);
}
