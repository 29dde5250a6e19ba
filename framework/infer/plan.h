// The inference plan: one traced forward pass of a model, lowered to a list of steps.
//
//   - Batch norm is folded into the convolution before it; bias, activation and residual sums are
//     part of the product's store.
//   - Activations stay in panels (framework/sparse/panels.h) from layer to layer; memory is planned
//     once and reused.
//   - A pruned weight runs as row-gather product over its tiles and single weights, or over the
//     dense weight where that was faster when the plan was made: each layer is measured, and
//     describe() says what was chosen and why.
//   - On a CUDA device the steps are ops on images as they are, and a pruned weight runs over its
//     tiles (framework/sparse/tile_conv2d.h) where that was faster.
//   - On the cpu the same graph is also made for the dense library (oneDNN) as a whole, in its own
//     formats;
//     the plan runs there where that is faster, and says so.
//   - Of models of language a sequence's tokens are the rows of matrices; embeddings are one step,
//     attention one more. Such plans run on the cpu's panels. The patches of a vision Transformer
//     are tokens, too; on a CUDA device ops run them.
//
// The output equals the model's in evaluation mode, up to the rounding of f32 sums.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/sparse/tile_matrix.h"
#include "layers/module.h"

namespace tessera {

/// What runs the plan.
enum class Executor : uint8_t {
  fastest,  ///< whichever is faster, measured when the plan is made
  panels,   ///< this program's row-gather kernels
  library,  ///< oneDNN on the dense weights
  ops,      ///< the ops of framework/ops and tile_conv2d for pruned layers. On a CUDA device
            ///< `fastest` is this, with the dense op (cuDNN, cuBLASLt) where that was faster
};

struct PlanOptions {
  Executor executor = Executor::fastest;
  DType dtype = DType::f32;  ///< that activations are computed in: f32, or bf16 on a CUDA device
  bool dense_only = false;   ///< ignore the tiles' zeros: the dense twin
  /// Whether the library may use Winograd's algorithm for 3 x 3 convolutions, which needs fewer
  /// multiplications than the definition and rounds differently. Only where it is faster.
  bool winograd = true;
};

/// One step, for reports.
struct StepReport {
  std::string kind;       ///< "conv2d", "linear", "max_pool2d" ...
  std::string weight;     ///< the parameter's name; empty where there is none
  std::string shape;      ///< "64x32x32 -> 128x32x32"
  std::string algorithm;  ///< "sparse" (as packed), "singles" (2:4 blocks as single weights),
                          ///< "dense", "oneDNN"; empty where there is no choice
  std::string reason;     ///< "sparse 0.41 ms, dense 1.52 ms"
  int64_t columns = 0;    ///< of a product over the whole example: rows, or images * pixels
  double kept = 1;        ///< share of the weights that the tiles store; 1 where there are none
  double sparse_ms = 0;   ///< measured when the plan was made; 0: not measured
  double dense_ms = 0;
};

class InferencePlan {
 public:
  InferencePlan();
  InferencePlan(InferencePlan&&) noexcept;
  InferencePlan& operator=(InferencePlan&&) noexcept;
  ~InferencePlan();

  /// x: f32, shaped and laid out as the example but for the batch, which may have any size: it runs
  /// in slices of the example's. One call at a time: the plan owns its memory.
  /// Throws: std::invalid_argument where x does not fit.
  Tensor run(const Tensor& x) const;
  /// The same for sequences: the inputs of Module::forward_batch, with any N, in slices of the
  /// example's, and at most the example's T.
  Tensor run(const std::vector<Tensor>& inputs) const;

  /// Milliseconds of each step of one run, and last of what goes before and after them. inputs: of
  /// the example's shape. Throws: std::invalid_argument unless panels run the plan.
  std::vector<double> profile(const std::vector<Tensor>& inputs) const;

  /// Who runs it, panels or library, never `fastest`.
  Executor executor() const;
  /// Whether tokens are among its values: the library runs no such plan.
  bool has_sequences() const;
  const std::vector<StepReport>& steps() const;
  /// Bytes of weights and of activations that the plan holds.
  int64_t weight_bytes() const;
  int64_t workspace_bytes() const;
  /// A table of the steps, with what was chosen and why.
  std::string describe() const;

 private:
  struct State;
  explicit InferencePlan(std::unique_ptr<State> state);
  friend InferencePlan make_plan(Module&, const Tensor&, const std::map<std::string, TileMatrix>&,
                                 const PlanOptions&);
  friend InferencePlan make_plan(Module&, const std::vector<Tensor>&,
                                 const std::map<std::string, TileMatrix>&, const PlanOptions&);
  std::unique_ptr<State> state_;
};

/// Traces model.forward(example) in evaluation mode, without gradients, and lowers it. The plan
/// runs on the device that the model and the example are on; there its steps are recorded as a
/// CUDA graph.
/// example: f32, [N, C, H, W] nhwc or [N, K] row-major, N >= 1.
/// tiles: the packed weights by parameter name; other weights are taken from the model.
/// Throws: std::invalid_argument for an op that plans do not know, a tile matrix that fits no
/// parameter, Executor::library in a build without oneDNN, or another one than `ops` on a CUDA
/// device.
InferencePlan make_plan(Module& model, const Tensor& example,
                        const std::map<std::string, TileMatrix>& tiles = {},
                        const PlanOptions& options = {});

/// The same for model.forward_batch(example): ids i64 [N, T] first, then the model's other inputs.
/// Throws: also for another executor than `panels` and for another device than the cpu.
InferencePlan make_plan(Module& model, const std::vector<Tensor>& example,
                        const std::map<std::string, TileMatrix>& tiles = {},
                        const PlanOptions& options = {});

}  // namespace tessera
