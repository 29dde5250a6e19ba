// What happens to the gradients between backward() and the optimizer's step.
#pragma once

#include <vector>

#include "layers/module.h"

namespace tessera {

/// sqrt of the sum of the squares of all gradients. Summed in double precision over chunks of a
/// fixed size, so that it does not depend on the number of threads.
double gradient_norm(const std::vector<Parameter>& parameters);

/// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), as PyTorch; returns the norm
/// before. Under masks, call mask_gradients() first. REQUIRES: max_norm > 0.
double clip_gradients(const std::vector<Parameter>& parameters, double max_norm);

/// gradient *= factor: the mean over accumulated batches.
void scale_gradients(const std::vector<Parameter>& parameters, double factor);

}  // namespace tessera
