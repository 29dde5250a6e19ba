#include "framework/ops/to_layout.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("to_layout") {
  const auto to = [](Layout layout) -> Op {
    return [=](const auto& in) { return to_layout(in[0], layout); };
  };
  const std::vector<double> counting{1, 2, 3, 4, 5, 6, 7, 8};
  for (const OpCase& test : std::vector<OpCase>{
           {"to nhwc",
            to(Layout::nhwc),
            {Tensor::from<double>(counting, {1, 2, 2, 2})},
            {1, 5, 2, 6, 3, 7, 4, 8}},
           {"to row_major",
            to(Layout::row_major),
            {Tensor::from<double>(counting, {1, 2, 2, 2}, Layout::nhwc)},
            {1, 3, 5, 7, 2, 4, 6, 8}},
           {"nothing changes", to(Layout::row_major), {uniform({2, 3})}},
           {"odd extents", to(Layout::nhwc), {uniform({3, 5, 7, 11})}},
           {"one pixel", to(Layout::row_major), {uniform({2, 3, 1, 1}, -1, 1, 0, Layout::nhwc)}},
           {"one channel", to(Layout::nhwc), {uniform({2, 1, 3, 4})}},
           {"empty", to(Layout::nhwc), {uniform({0, 3, 4, 5})}},
           {.name = "not an image batch",
           .op = to(Layout::nhwc),
           .inputs = {uniform({2, 3})},
           .throws = "[to_layout] the input must be [N, C, H, W]; got f64[2, 3] to nhwc."},
           {.name = "panels",
           .op = to(Layout::panels),
           .inputs = {uniform({2, 3})},
           .throws =
                "[to_layout] conversion is between row_major and nhwc; got f64[2, 3] to panels."},
       })
    check(test);
}

TEST_CASE("to_layout: relabels without a copy where the order is the same") {
  const Tensor pixel = uniform({4, 3, 1, 1}), grey = uniform({4, 1, 5, 6}),
               both = uniform({4, 3, 5, 6});
  CHECK(to_layout(pixel, Layout::nhwc).raw() == pixel.raw());
  CHECK(to_layout(pixel, Layout::nhwc).layout() == Layout::nhwc);
  CHECK(to_layout(grey, Layout::nhwc).raw() == grey.raw());
  CHECK(to_layout(both, Layout::nhwc).raw() != both.raw());
  CHECK(to_layout(both, Layout::row_major).id() == both.id());
}

TEST_CASE("to_layout: there and back is the identity") {
  const Tensor x = uniform({2, 19, 7, 5});
  CHECK(to_layout(to_layout(x, Layout::nhwc), Layout::row_major).to_vector<double>() ==
        x.to_vector<double>());
}
