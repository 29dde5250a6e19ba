// All that a run needs to go on exactly where it stopped: the position in the plan, the weights,
// the optimizer's state, the moving average, the masks, the sums of the epoch under way, and what
// early stopping has seen. Of the teacher it holds the checksum: the file stays in the run's
// folder. Random numbers, the order of the data and the learning rate follow from the position.
#pragma once

#include <filesystem>
#include <string>

#include "framework/core/tensor_map.h"
#include "framework/train/early_stop.h"
#include "layers/masks.h"

namespace tessera {

struct TrainingState {
  int64_t phase = 0;        ///< index in the plan
  int64_t step = 0;         ///< optimizer steps done in the phase
  int64_t total_steps = 0;  ///< over all phases
  double seconds = 0;       ///< that the run has taken so far

  int64_t pruning_steps = 0;  ///< of those, of fine-tuning under masks

  double epoch_loss = 0;  ///< summed over the epoch's samples so far
  int64_t epoch_correct = 0;
  int64_t epoch_samples = 0;

  double best_accuracy = -1;  ///< of the phase, on validation data; exp(-loss) of models that label
                              ///< tokens; -1: none yet
  TensorMap best;             ///< the state dict that reached it
  EarlyStop early_stop;       ///< of the phase
  std::string teacher;        ///< SHA-256 of the teacher's file; empty before it is needed

  std::string data;  ///< fingerprint_of() what it learns from; empty: not known

  TensorMap model;  ///< state dict
  TensorMap optimizer;
  TensorMap average;     ///< EMA of the weights; empty without
  TensorMap loss_scale;  ///< of fp16; empty without
  Masks masks;
};

/// One safetensors file, written atomically; tensors on a device are copied to the cpu.
void save_training_state(const std::filesystem::path& path, const TrainingState& state);

/// By its header. Throws: std::runtime_error for a file that cannot be read as safetensors.
bool is_training_state(const std::filesystem::path& path);

/// Throws: std::runtime_error for a file that is not a complete training state.
TrainingState load_training_state(const std::filesystem::path& path);

}  // namespace tessera
