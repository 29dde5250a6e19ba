// Checks the gradients of a function against central finite differences, in double precision.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

struct GradcheckResult {
  double max_error = 0;  ///< largest |analytic - numeric| / max(1, |numeric|)
  std::string worst;     ///< which input and element it was, with both values
};

/// Compares d(sum(r * f(inputs)))/d(input) for a fixed random r, for every input that requires a
/// gradient, element by element. `f` must be deterministic and must build a fresh tape at each
/// call. REQUIRES: f64 inputs. `epsilon` is the half-width of the difference. Of an input with more
/// than `max_elements` elements about so many are checked, evenly spread.
GradcheckResult gradcheck(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                          const std::vector<Tensor>& inputs, double epsilon = 1e-6,
                          int64_t max_elements = 500);

}  // namespace tessera
