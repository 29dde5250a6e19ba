// The commands that need data and a model: run, train, prune, eval. The command line calls these.
#pragma once

#include <filesystem>

#include "framework/io/config.h"
#include "framework/train/phases.h"
#include "framework/train/run_directory.h"
#include "framework/train/summary.h"
#include "framework/train/task_scores.h"

namespace tessera {

/// Runs `command` in the run's folder and leaves there the files that run_directory.h lists; prints
/// lines of progress and, at the end, the table of the summary. A finished run that is resumed says
/// so and does nothing.
///   run    dense training, pruning with fine-tuning, dense control, export, comparison
///   train  dense training alone; model.safetensors is dense
///   prune  as run, from the weights of options.from, which it requires
/// Throws: std::invalid_argument and ConfigError for the user's mistakes, before anything is
/// trained; Interrupted when a signal stopped it; std::runtime_error otherwise.
void run_command(Command command, const Config& config, RunOptions options);

/// The model file `weights` on the config's test data, judged in f32 on a cpu, as runs are; of
/// translations BLEU, too. Throws: as read_model_file(), make_task_data() and check_fits().
TaskScores evaluate_file(const Config& config, const std::filesystem::path& weights);

}  // namespace tessera
