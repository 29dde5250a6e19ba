#include "framework/ops/avg_pool2d.h"

#include "framework/ops/adaptive_avg_pool2d.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op pool(AvgPool2dOptions options = {}) {
  return [=](const auto& in) { return avg_pool2d(in[0], options); };
}

Op adaptive(int64_t height, int64_t width) {
  return [=](const auto& in) { return adaptive_avg_pool2d(in[0], {{height, width}}); };
}

const Tensor kNine = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3}, Layout::nhwc);

}  // namespace

TEST_CASE("avg_pool2d") {
  const AvgPool2dOptions padded{.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}};
  AvgPool2dOptions inside = padded;
  inside.count_include_pad = false;
  for (const OpCase& test : std::vector<OpCase>{
           {"2 x 2", pool({.stride = {1, 1}}), {kNine}, {3, 4, 6, 7}},
           {"padding counts", pool(padded), {kNine}, {12. / 9, 16. / 9, 24. / 9, 28. / 9}},
           {"padding does not count", pool(inside), {kNine}, {3, 4, 6, 7}},
           {"a row and a column left over", pool(), {uniform_nhwc({2, 3, 5, 7})}},
           {"overlapping",
            pool({.kernel = {3, 2}, .stride = {1, 1}}),
            {uniform_nhwc({2, 3, 5, 4})}},
           {"no image", pool(), {uniform_nhwc({0, 3, 4, 4})}},
           {.name = "layout",
           .op = pool(),
           .inputs = {uniform({1, 2, 4, 4})},
           .throws = "[avg_pool2d] x must be [N, C, H, W] in layout nhwc"},
           {.name = "padding",
           .op = pool({.padding = {0, 2}}),
           .inputs = {uniform_nhwc({1, 2, 4, 4})},
           .throws = "padding in [0, kernel/2]; got kernel 2, stride 2, padding 2"},
           {.name = "window too large",
           .op = pool({.kernel = {5, 1}}),
           .inputs = {uniform_nhwc({1, 2, 4, 4})},
           .throws = "[avg_pool2d] the padded input must hold the window"},
       })
    check(test);
}

TEST_CASE("adaptive_avg_pool2d") {
  for (const OpCase& test : std::vector<OpCase>{
           {"the mean of the image", adaptive(1, 1), {kNine}, {5}},
           {"parts that overlap", adaptive(2, 2), {kNine}, {3, 4, 6, 7}},
           {"identity", adaptive(3, 3), {kNine}, {1, 2, 3, 4, 5, 6, 7, 8, 9}},
           {"more parts than rows", adaptive(4, 1), {kNine}, {2, 3.5, 6.5, 8}},
           {"uneven", adaptive(3, 2), {uniform_nhwc({2, 5, 7, 5})}},
           {"no image", adaptive(1, 1), {uniform_nhwc({0, 3, 4, 4})}},
           {.name = "layout",
           .op = adaptive(1, 1),
           .inputs = {uniform({1, 2, 4, 4})},
           .throws = "[adaptive_avg_pool2d] x must be [N, C, H, W] in layout nhwc"},
           {.name = "output",
           .op = adaptive(0, 1),
           .inputs = {uniform_nhwc({1, 2, 4, 4})},
           .throws = "[adaptive_avg_pool2d] the output must be at least 1 x 1; got 0 x 1"},
       })
    check(test);
}
