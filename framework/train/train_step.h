// One optimizer step on the model's device: forward, backward, masks, clipping, update, average.
//
// On a CUDA device the step is queued, and the host waits for nothing. After a few steps it is
// recorded as a CUDA graph (run.cuda_graphs) and replayed: what differs between two steps, the
// batch, the learning rate, the random numbers' key and the loss scale, lies in device memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/backend/recorded_work.h"
#include "framework/io/config.h"
#include "framework/ops/rounded_parameters.h"
#include "framework/train/batch_stream.h"
#include "framework/train/metric_sums.h"
#include "framework/train/teacher.h"
#include "layers/masks.h"
#include "layers/module.h"
#include "optim/ema.h"
#include "optim/loss_scale.h"
#include "optim/optimizer.h"

namespace tessera {

class TrainStep {
 public:
  /// The references must outlive the step. The model is on `device`.
  /// Throws: std::invalid_argument where the device does not compute in run.precision.
  TrainStep(const Config& config, Module& model, Device device);

  /// What the steps from now on update, the masks that they hold, and whom they learn from besides
  /// the labels; `average` and `teacher` may be null. `dropout_factor`: of RandomScope.
  void begin(Optimizer& optimizer, Ema* average, Masks masks, const Teacher* teacher = nullptr,
             double dropout_factor = 1);
  /// Gives the memory of the recorded step back.
  void end() { graph_.reset(); }

  /// A step over the next train.accumulate batches. `step` keys its random numbers. On the cpu a
  /// loss that is not finite ends the step before anything is updated.
  void run(BatchStream& batches, int64_t step, double lr);

  /// The type that activations are computed in.
  DType dtype() const { return dtype_; }
  /// Loss and accuracy of the steps so far.
  MetricSums& sums() { return sums_; }
  /// What a checkpoint holds of the step itself: the loss scale of fp16.
  TensorMap state() const;
  void load_state(const TensorMap& state);

  /// Whether the last step was a replay; where steps are not recorded although they should be, why.
  bool is_replayed() const { return is_replayed_; }
  const std::string& graph_failure() const { return graph_failure_; }

 private:
  bool add_gradients(const Batch& batch, int64_t step, int64_t part);
  void update(double lr);
  void set_device_values(int64_t step, double lr);
  std::vector<Batch> take_parts(BatchStream& batches);
  bool are_recorded(const std::vector<Batch>& parts) const;
  void run_parts(const std::vector<Batch>& parts, int64_t step, double lr);
  void compute(const std::vector<Batch>& parts, int64_t step, double lr);
  void record(int64_t step, double lr);

  const Config& config_;
  Module& model_;
  const std::vector<Parameter> parameters_;
  const Device device_;
  const DType dtype_;
  MetricSums sums_;
  std::optional<LossScale> loss_scale_;  // fp16
  Optimizer* optimizer_ = nullptr;
  Ema* average_ = nullptr;
  Masks masks_;
  const Teacher* teacher_ = nullptr;
  double dropout_factor_ = 1;
  RoundedParameters rounded_;  // of half types

  // On a CUDA device:
  Tensor lr_;                       // f64 scalar
  std::vector<Tensor> part_steps_;  // i32 scalars: the random numbers' step of each part
  std::vector<Batch> recorded_;     // the batches that the recorded step reads
  std::unique_ptr<RecordedWork> graph_;
  int64_t eager_steps_ = 0;  // over such batches, before the step is recorded
  int64_t step_bytes_ = 0;   // that the last of them held at once
  bool is_replayed_ = false;
  std::string graph_failure_;
};

}  // namespace tessera
