#include "framework/train/sweep.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "framework/core/errors.h"
#include "framework/train/child_process.h"
#include "framework/train/interrupt.h"
#include "framework/train/run_directory.h"
#include "framework/train/sweep_results.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// How often ended runs are looked for; they last seconds at least.
constexpr auto kPollInterval = std::chrono::milliseconds(50);
// The exit status of a command that found a mistake of the user's.
constexpr int kBadUsage = 2;

struct Job {
  std::string name;
  uint64_t seed = 0;
  fs::path folder;
  std::vector<std::string> arguments;
};

struct Failure {
  int status = 0;
  std::string message;  ///< the last line of the run's log
};

std::string last_line(const fs::path& path) {
  std::ifstream in(path);
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last;
}

/// What a run stores to go on with is of no use once it is finished.
void remove_checkpoints(const fs::path& run) {
  std::error_code ignored;  // they are only in the way
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", ignored))
    fs::remove(entry.path(), ignored);
}

/// Runs jobs as processes, so many at a time, each on processors of its own.
class JobRunner {
 public:
  JobRunner(fs::path program, int parallel) : program_(std::move(program)), slots_(parallel) {
    const std::vector<int> all = allowed_processors();
    const auto count = static_cast<int>(all.size());
    if (parallel == 1 || count < parallel) return;  // the system shares them out
    for (int i = 0; i < parallel; ++i)
      slots_[i].processors.assign(all.begin() + count * i / parallel,
                                  all.begin() + count * (i + 1) / parallel);
  }

  /// Runs what is not finished; failures are told and kept by folder.
  void run(const std::vector<Job>& jobs) {
    size_t next = 0, ended = 0;
    for (; ended < jobs.size(); std::this_thread::sleep_for(kPollInterval)) {
      for (Slot& slot : slots_) {
        if (slot.process && slot.process->has_ended()) {
          finish(slot, ++ended, jobs.size());
        }
        while (!slot.process && next < jobs.size() && InterruptScope::pending() == nullptr) {
          const Job& job = jobs[next++];
          if (fs::exists(job.folder / "summary.json"))
            ++ended;
          else
            start(slot, job);
        }
      }
      if (InterruptScope::pending() != nullptr) stop();
    }
  }

  const std::map<fs::path, Failure>& failures() const { return failures_; }

 private:
  struct Slot {
    std::vector<int> processors = {};
    std::unique_ptr<ChildProcess> process = {};
    const Job* job = nullptr;
  };

  void start(Slot& slot, const Job& job) {
    fs::create_directories(job.folder);
    std::vector<std::string> arguments{program_.string()};
    arguments.insert(arguments.end(), job.arguments.begin(), job.arguments.end());
    slot.process =
        std::make_unique<ChildProcess>(arguments, job.folder / "log.txt", slot.processors);
    slot.job = &job;
  }

  void finish(Slot& slot, size_t ended, size_t count) {
    const Job& job = *slot.job;
    const int status = slot.process->wait();
    slot.process.reset();
    std::string outcome = "done";
    if (status == 0) {
      remove_checkpoints(job.folder);
    } else {
      failures_[job.folder] = {status, last_line(job.folder / "log.txt")};
      outcome = concat("failed with status ", status, ": ", failures_[job.folder].message);
    }
    std::cout << "[" << ended << "/" << count << "] " << job.name << " seed " << job.seed << ": "
              << outcome << std::endl;
  }

  /// Lets the runs under way save, then throws.
  [[noreturn]] void stop() {
    for (Slot& slot : slots_)
      if (slot.process) slot.process->terminate();
    for (Slot& slot : slots_)
      if (slot.process) slot.process->wait();
    throw Interrupted(concat("[sweep] stopped by ", InterruptScope::pending(),
                             "; what was under way is saved. The same command goes on."));
  }

  fs::path program_;
  std::vector<Slot> slots_;
  std::map<fs::path, Failure> failures_;
};

std::vector<Job> dense_jobs(const SweepPlan& plan) {
  std::vector<Job> jobs;
  for (const uint64_t seed : plan.seeds)
    jobs.push_back({"dense", seed, plan.folder_of("dense", seed), dense_arguments(plan, seed)});
  return jobs;
}

/// The controls and the cells of the seeds that have a dense model.
std::vector<Job> cell_jobs(const SweepPlan& plan, const std::map<fs::path, Failure>& failures) {
  const auto has_dense = [&](uint64_t seed) {
    return !failures.contains(plan.folder_of("dense", seed));
  };
  std::vector<Job> jobs;
  for (const uint64_t seed : plan.seeds)
    if (has_dense(seed))
      jobs.push_back(
          {"control", seed, plan.folder_of("control", seed), control_arguments(plan, seed)});
  for (const SweepCell& cell : plan.cells)
    if (cell.refusal.empty() && has_dense(cell.seed))
      jobs.push_back({cell.name(), cell.seed, plan.folder_of(cell.name(), cell.seed),
                      cell_arguments(plan, cell)});
  return jobs;
}

/// The planned cells that will not be found finished.
std::vector<SweepResult> unfinished(const SweepPlan& plan,
                                    const std::map<fs::path, Failure>& failures) {
  using State = SweepResult::State;
  std::vector<SweepResult> out;
  for (const SweepCell& cell : plan.cells) {
    const auto failure = failures.find(plan.folder_of(cell.name(), cell.seed));
    if (!cell.refusal.empty()) {
      out.push_back({.cell = cell, .state = State::not_reachable, .note = cell.refusal});
    } else if (failure != failures.end()) {
      // What a pattern cannot do with this very model is found by the run itself.
      const auto& [status, message] = failure->second;
      const bool is_refused = status == kBadUsage && message.find("[prune]") != std::string::npos;
      out.push_back({.cell = cell,
                     .state = is_refused ? State::not_reachable : State::failed,
                     .note = message});
    } else if (failures.contains(plan.folder_of("dense", cell.seed))) {
      out.push_back({.cell = cell, .state = State::failed, .note = "its dense model failed"});
    }
  }
  return out;
}

void complain_of_failures(const SweepPlan& plan, const std::vector<SweepResult>& cells,
                          const std::map<fs::path, Failure>& failures) {
  std::string names;
  const auto add = [&](const std::string& name, uint64_t seed) {
    names += concat(names.empty() ? "" : ", ", name, " seed ", seed);
  };
  for (const uint64_t seed : plan.seeds)
    for (const char* name : {"dense", "control"})
      if (failures.contains(plan.folder_of(name, seed))) add(name, seed);
  for (const SweepResult& result : cells)
    if (result.state == SweepResult::State::failed) add(result.cell.name(), result.cell.seed);
  require_runtime(names.empty(), "[sweep] every run must end well; got failures of ", names,
                  ". Their log.txt says why; the same command tries them again.");
}

}  // namespace

void run_sweep(const SweepRequest& request, const fs::path& program) {
  const SweepPlan plan = plan_sweep(request);
  fs::create_directories(plan.folder);
  const FileLock lock(plan.folder / ".lock");
  InterruptScope signals;
  JobRunner runner(program, request.jobs);
  std::cout << "sweep in " << plan.folder.string() << ": " << plan.cells.size() << " cells"
            << std::endl;
  runner.run(dense_jobs(plan));
  runner.run(cell_jobs(plan, runner.failures()));
  time_sweep(plan.folder, plan.config.run.threads);
  const std::vector<SweepResult> others = unfinished(plan, runner.failures());
  write_sweep_results(collect_sweep(plan.folder, others));
  for (const SweepResult& result : others)
    if (result.state == SweepResult::State::not_reachable)
      std::cout << result.cell.name() << " seed " << result.cell.seed
                << " is not reachable: " << result.note << std::endl;
  std::cout << "The results are in " << (plan.folder / "report.html").string() << "." << std::endl;
  complain_of_failures(plan, others, runner.failures());
}

}  // namespace tessera
