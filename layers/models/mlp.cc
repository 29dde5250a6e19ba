#include "layers/models/mlp.h"

#include "layers/activations.h"
#include "layers/dropout.h"
#include "layers/flatten.h"
#include "layers/linear.h"

namespace tessera {

std::unique_ptr<Sequential> make_mlp(const ModelInput& input, const std::vector<int64_t>& hidden,
                                     double dropout) {
  auto model = std::make_unique<Sequential>();
  model->append<Flatten>();
  int64_t features = input.channels * input.height * input.width;
  for (const int64_t width : hidden) {
    model->append<Linear>(features, width);
    model->append<ReLU>();
    if (dropout > 0) model->append<Dropout>(dropout);
    features = width;
  }
  model->append<Linear>(features, input.classes);
  return model;
}

}  // namespace tessera
