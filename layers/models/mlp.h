// Multilayer perceptron: flatten, then linear layers with ReLU between them.
// Keys: "1.weight", "1.bias", then of the following linear layers, as in a Sequential.
#pragma once

#include <vector>

#include "layers/models/make_model.h"
#include "layers/sequential.h"

namespace tessera {

/// `hidden` are the widths between input and logits; dropout follows each ReLU where dropout > 0.
/// Throws: std::invalid_argument for widths < 1.
std::unique_ptr<Sequential> make_mlp(const ModelInput& input, const std::vector<int64_t>& hidden,
                                     double dropout);

}  // namespace tessera
