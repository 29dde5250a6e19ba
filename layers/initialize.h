// First values of the weights, drawn from a counter-based generator: equal seeds give equal
// weights, whatever the number of threads.
#pragma once

#include <string>

#include "framework/core/random.h"
#include "layers/module.h"

namespace tessera {

/// Weights of linear layers and convolutions, with fan_in = in/groups*R*S, fan_out =
/// out*R*S/groups:
///   normal   N(0, 0.02^2), biases 0: BERT's and GPT-2's; embeddings likewise
///   uniform  U(-0.1, 0.1), biases and embeddings, too (Luong et al., "Effective approaches to
///            attention-based neural machine translation", 2015)
///   pytorch  U(-b, b), b = 1/sqrt(fan_in), biases too: PyTorch's default
///   kaiming  N(0, 2/fan), fan = fan_out for convolutions and fan_in for linear layers, biases 0
///            (He et al., "Delving deep into rectifiers", 2015)
///   xavier   U(-b, b), b = sqrt(6/(fan_in + fan_out)), biases 0 (Glorot and Bengio, 2010)
/// Norms: weight 1, bias 0 always. Embeddings: N(0, 1) in the other schemes, PyTorch's default; a
/// model that wants another deviation draws them again.
enum class Initialization { pytorch, kaiming, xavier, normal, uniform };

/// Throws: std::invalid_argument listing the names known.
Initialization initialization_from(const std::string& name);

/// Draws all parameters of `model`; the i-th one, in registration order, from stream
/// kInitializationStream + i. REQUIRES: each bias follows its weight; f32.
void initialize(Module& model, uint64_t seed, Initialization scheme = Initialization::pytorch);

inline constexpr uint32_t kInitializationStream = 0x10000000;

/// Element i = low + (high - low) * u_i, u_i the i-th uniform number of the key.
/// REQUIRES: f32, row-major.
void fill_uniform(Tensor& tensor, float low, float high, RandomKey key);

/// Element i = deviation * the i-th standard normal number of the key, which takes its words 2i and
/// 2i + 1 (Box and Muller).  REQUIRES: f32, row-major.
void fill_normal(Tensor& tensor, float deviation, RandomKey key);

/// Inputs and outputs that meet in one element of the output or input.
struct Fan {
  double in = 1, out = 1;
};

/// REQUIRES: a weight of rank 2 or 4.
Fan fan_of(const Shape& weight, int64_t groups = 1);

}  // namespace tessera
