// What a program outside of Tessera does with it: a gradient and a mask.
#include <tessera.h>

#include <cmath>
#include <cstdio>

using namespace tessera;

int main() {
  Tensor x = Tensor::from<float>({-1, 2, 3}, {3});
  x.set_requires_grad();
  backward(sum(relu(x)));
  if (x.grad().to_vector<float>() != std::vector<float>{0, 1, 1}) {
    std::puts("the gradient of sum(relu(x)) is wrong");
    return 1;
  }

  const Tensor weight = Tensor::full({32, 48}, 0.5);
  const LayerScores layer{.name = "fc.weight", .scores = magnitude_scores(weight)};
  const std::vector<Tensor> masks = prune_masks({.granularity = 8}, 0.75, {layer});
  const double sparsity = mask_sparsity(masks);
  std::printf("found Tessera with %d threads; pruned to %.3f\n", cpu().threads(), sparsity);
  return std::abs(sparsity - 0.75) < 0.01 ? 0 : 1;
}
