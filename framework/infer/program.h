// What executes a plan: the graph compiled for one kind of kernels and one batch size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/infer/graph.h"
#include "framework/infer/plan.h"

namespace tessera {

class Program {
 public:
  virtual ~Program() = default;

  /// Images [first, first + count) of the inputs to the same rows of y; count is at most the batch
  /// that the program was made for, as are the tokens of sequences. y: rank 2 row-major or rank 4
  /// nhwc, of sequences also [N, T, K], or [N, K, T] (span_scores).
  virtual void run(const std::vector<Tensor>& inputs, int64_t first, int64_t count, Tensor& y) = 0;

  /// As run(), and the milliseconds of each step and, last, of what goes before and after them.
  /// Throws: std::invalid_argument for programs other than of panels.
  virtual std::vector<double> profile(const std::vector<Tensor>& inputs, int64_t count, Tensor& y);

  const std::vector<StepReport>& steps() const { return steps_; }
  int64_t weight_bytes() const { return weight_bytes_; }
  int64_t workspace_bytes() const { return workspace_bytes_; }

 protected:
  std::vector<StepReport> steps_;
  int64_t weight_bytes_ = 0, workspace_bytes_ = 0;
};

/// The row-gather kernels on panels.
std::unique_ptr<Program> make_panel_program(const Graph& graph, const PlanOptions& options);

/// oneDNN in its own formats. REQUIRES: a graph of images. Throws: std::invalid_argument in a build
/// without it.
std::unique_ptr<Program> make_library_program(const Graph& graph, const PlanOptions& options);

/// The ops of framework/ops on a device, and tile_conv2d for pruned layers where it is faster.
/// REQUIRES: a graph of images.
std::unique_ptr<Program> make_op_program(const Graph& graph, const PlanOptions& options,
                                         Device device);

/// The report of a node, without what was chosen.
StepReport report_of(const Graph& graph, const GraphNode& node);

}  // namespace tessera
