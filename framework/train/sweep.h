// A study: the dense model trained once a seed, every cell pruned and fine-tuned from it, and a
// dense control that trains on for the same number of epochs.
//
//   <folder>/dense/seed-1/  control/seed-1/  tw-g64-s0.75/seed-1/   runs, each with its log.txt
//   <folder>/results.json  results.csv  report.html                 all finished cells in the
//   folder
//
// Each run is a process of its own; a finished one is skipped, and one that was interrupted goes on
// where it stopped. Speeds are measured at the end, one model after the other, with nothing beside.
#pragma once

#include <filesystem>

#include "framework/train/sweep_plan.h"

namespace tessera {

/// Runs what is left of the sweep with `program` (tessera itself) and writes the results; prints a
/// line for each run that ends. Cells of earlier sweeps in the folder stay in the results.
/// Throws: as plan_sweep, before anything runs; Interrupted on a signal, after the cells under way
/// have saved; std::runtime_error at the end where a cell failed, with the names of those that did.
void run_sweep(const SweepRequest& request, const std::filesystem::path& program);

}  // namespace tessera
