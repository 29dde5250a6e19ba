// The page about one run, or about several side by side: one HTML file that needs nothing else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/train/run_record.h"

namespace tessera {

/// Result, curves with the pruning stages marked, sparsity, masks and weights of each layer,
/// configuration and machine. REQUIRES: at least one run.
std::string run_report(const std::vector<RunRecord>& runs);

/// Reads the folders and writes their page to `path`, atomically.
/// Throws: as read_run; std::runtime_error where the file cannot be written.
void write_run_report(const std::vector<std::filesystem::path>& folders,
                      const std::filesystem::path& path);

/// The pictures of a run's layers as HTML: their sparsity, masks and weights.
std::string layers_report(const RunRecord& run);
/// Its configuration and machine.
std::string setup_report(const RunRecord& run);

/// "75.0%".
std::string percent_text(double fraction, int decimals = 2);

}  // namespace tessera
