#include "framework/train/run.h"

#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "datasets/read_file.h"
#include "framework/backend/autotune.h"
#include "framework/backend/cpu.h"
#include "framework/backend/cuda_info.h"
#include "framework/core/choose_device.h"
#include "framework/infer/compare.h"
#include "framework/infer/model_file.h"
#include "framework/infer/sparse_model.h"
#include "framework/io/atomic_file.h"
#include "framework/train/environment.h"
#include "framework/train/pruner.h"
#include "framework/train/report.h"
#include "framework/train/speed_target.h"
#include "framework/train/task_data.h"
#include "framework/train/task_scores.h"
#include "framework/train/trainer.h"
#include "framework/train/training_state.h"
#include "layers/models/language.h"
#include "layers/models/make_model.h"
#include "layers/precision.h"
#include "layers/use_tiles.h"
#include "optim/schedule.h"
#include "pruning/pattern.h"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Sets the threads up and returns the device to compute on.
DeviceChoice use_backend(const RunConfig& run) {
  if (run.threads > 0) cpu().set_threads(run.threads);
  DeviceChoice choice = choose_device(run.device);
  require(!run.tf32 || !choice.device.is_cpu(), "[device] run.tf32 needs a CUDA device; got ",
          choice.device, ". Leave it out, or use run.device=cuda.");
  use_precision(run, choice.device);
  if constexpr (kCudaBuild)
    if (!choice.device.is_cpu()) {
      allow_tf32(choice.device, run.tf32);
      allow_autotune(choice.device, run.autotune);
    }
  return choice;
}

/// "cpu (avx2, 2 threads; auto: no CUDA device ...)".
std::string describe(const DeviceChoice& choice) {
  std::string text = concat(choice.device, " (");
  if constexpr (kCudaBuild)
    if (!choice.device.is_cpu())
      text += cuda_info().devices[static_cast<size_t>(choice.device.index)].name;
  if (choice.device.is_cpu()) text += concat(cpu().isa(), ", ", cpu().threads(), " threads");
  if (!choice.reason.empty()) text += "; auto: " + choice.reason;
  return text + ")";
}

/// The images that the sparse model is timed on.
Tensor timed_batch(const Config& config, const Datasets& data) {
  DataLoaderOptions options = eval_loader_options(config.data, data);
  options.batch_size = std::min(kTimedBatch, data.test->size());
  options.workers = 0;
  DataLoader loader(data.test, options);
  loader.begin(0);
  Batch batch;
  loader.next(batch);
  return batch.inputs[0];
}

/// One run from the checked config to the summary.
class Run {
 public:
  Run(Command command, const Config& config, const RunOptions& options, RunDirectory& directory,
      DeviceChoice device)
      : command_(command),
        config_(config),
        options_(options),
        directory_(directory),
        device_(std::move(device)),
        data_(make_task_data(config_)),
        card_(card_of(config_, data_)),
        model_(make_model(config_.model, data_.input, config_.run.seed)),
        train_(make_loader(config_, data_.train)),
        test_(make_loader(config_, data_.test)) {
    if (data_.validation != nullptr) validation_ = make_loader(config_, data_.validation);
    model_->to(device_.device);
    trainer_ = std::make_unique<Trainer>(config_, *model_, *train_, validation_.get(), directory,
                                         device_.device);
    trainer_->set_teacher(directory.file(kDenseFile));
    trainer_->set_data(fingerprint_of(data_));
    setup_seconds_ = seconds_since(started_);
    load_start_weights();
    if (command != Command::train && config_.prune.target_speedup > 0) plan_speed();
    phases_ = plan_phases(config_, command, trainer_->steps_per_epoch(), start_sparsity_);
    check_everything();
  }

  void execute() {
    directory_.begin();
    write_environment(directory_.file("environment.json"), describe(device_));
    const bool resumed = trainer_->resume();
    if (speed_ && !resumed)
      write_file_atomically(directory_.file(kSpeedFile), to_json(speed_->model()));
    RunLog log(directory_, resumed ? trainer_->total_steps() : -1);
    say_hello(log, resumed);
    if (!resumed && command_ == Command::prune) write_dense(kDenseFile);
    trainer_->run(phases_, log,
                  {.improved = [&] { write_model(directory_.best_checkpoint()); },
                   .before = [&](const Phase& phase) { before(phase); },
                   .after = [&](const Phase& phase) { after(phase, log); }});
    const Summary summary = summarize(log);
    write_summary(directory_.file("summary.json"), summary);
    log.say("\n" + summary_table(summary));
    write_run_report({directory_.path()}, directory_.file("report.html"));
    log.say("Everything is in " + directory_.path().string() + ".");
  }

 private:
  static constexpr const char* kDenseFile = "dense.safetensors";
  static constexpr const char* kControlFile = "control.safetensors";
  static constexpr const char* kModelFile = "model.safetensors";
  static constexpr const char* kSpeedFile = "speed.json";

  void load_start_weights() {
    require(command_ != Command::prune || !options_.from.empty(),
            "[prune] the weights to prune must be given; got none. Use --from FILE, or tessera "
            "run, which trains them.");
    if (options_.from.empty()) return;
    if (is_training_state(options_.from)) return load_checkpoint();
    const ModelFile file = read_model_file(options_.from);
    check_fits(name_of(command_), file.card, data_);
    const std::string difference = difference_in_function(file.card.model, config_.model);
    require(difference.empty(), "[", name_of(command_), "] the config's model must compute what ",
            options_.from, "'s does from its weights; got ", difference,
            ". State what the file has.");
    LoadedModel loaded = load_model(file, options_.from);
    try {
      model_->load_state_dict(loaded.model->state_dict());
    } catch (const std::invalid_argument& error) {
      fail("[", name_of(command_), "] the weights of ", options_.from,
           " must be those of the config's model; got ", file.card.model.type, ": ", error.what());
    }
    start_sparsity_ = sparsity(chosen_of(loaded.masks));
    start_pattern_ = file.pattern;
    start_granularity_ = file.granularity;
    trainer_->set_masks(std::move(loaded.masks));
  }

  /// The weights and masks of a run's checkpoint, which does not say what model they are of: where
  /// a run diverged, another goes on from there with a lower learning rate.
  void load_checkpoint() {
    TrainingState state = load_training_state(options_.from);
    require(state.data.empty() || state.data.ends_with(vocabulary_of(data_)), "[",
            name_of(command_), "] the checkpoint ", options_.from,
            " must be of a run with the vocabulary of these data, ", vocabulary_of(data_),
            "; got one of ", state.data,
            ". Use the data.tokenizer and the training text of its run.");
    try {
      model_->load_state_dict(state.model);
      check_masks(model_->parameters(), state.masks);
    } catch (const std::exception& error) {
      fail("[", name_of(command_), "] the checkpoint ", options_.from,
           " must be of the config's model; got another: ", error.what());
    }
    require(command_ != Command::train || state.masks.empty() || config_.has_prune,
            "[train] the config must have the section prune, whose pattern the masks of ",
            options_.from, " are of; got a config without it. Add it.");
    if (config_.has_prune && !state.masks.empty()) {
      start_pattern_ = config_.prune.pattern;
      start_granularity_ = granularity_of(pattern_options(config_.prune));
    }
    start_sparsity_ = sparsity(chosen_of(state.masks));
    trainer_->set_masks(std::move(state.masks));
  }

  /// Those of the layers that this run prunes; other masks are held as they are.
  Masks chosen_of(const Masks& masks) const {
    Masks chosen;
    if (!config_.has_prune) return masks;
    for (const std::string& name : select_layers_of(config_.prune, *model_).pruned)
      if (const Tensor mask = masks.of(name); mask.defined()) chosen[name] = mask;
    return chosen;
  }

  PruneConfig prune_by_magnitude() const {
    PruneConfig prune = config_.prune;
    prune.score.type = "magnitude";
    prune.regrow = 0;
    return prune;
  }

  /// Finds prune.sparsity for prune.target_speedup.
  void plan_speed() {
    require(device_.device.is_cpu(),
            "[prune] prune.target_speedup needs the cpu, whose sparse kernels have a cost model; "
            "got ",
            device_.device, ". Use run.device=cpu, or prune.sparsity.");
    speed_ = std::make_unique<SpeedTarget>(config_.prune, speed_model());
    const PruneConfig prune = prune_by_magnitude();
    config_.prune.sparsity =
        speed_->plan(ModelScores(*model_, prune, trainer_->masks(), *train_, 0, 0));
    trainer_->set_speed_target(speed_.get(), start_sparsity_);
  }

  /// Measured once in a run: what resumes must find the same sparsities.
  SpeedModel speed_model() {
    if (directory_.state() == RunDirectory::State::unfinished && !directory_.checkpoints().empty())
      return parse_speed_model(read_file_text("speed", directory_.file(kSpeedFile)), kSpeedFile);
    const MachineCosts machine = machine_costs();
    speed_origin_ = machine.origin;
    try {
      return measure_speed(*model_, timed_inputs(), select_layers_of(config_.prune, *model_).pruned,
                           machine.costs);
    } catch (const std::invalid_argument& error) {
      fail("[prune] prune.target_speedup needs a model that the sparse kernels run; got ",
           config_.model.type, ". Use prune.sparsity. ", error.what());
    }
  }

  /// Of a test batch, those that times are taken with.
  std::vector<Tensor> timed_inputs() {
    if (!data_.text) return {timed_batch(config_, *data_.images)};
    test_->begin(0);
    Batch batch;
    test_->next(batch);
    return batch.inputs;
  }

  /// What would fail later fails here, before anything is written.
  void check_everything() {
    for (const Phase& phase : phases_) {
      make_optimizer(phase.optimizer, model_->parameters());
      if (phase.steps > 0) schedule_of(phase, trainer_->steps_per_epoch());
    }
    if (command_ == Command::train) return;
    const PruneConfig prune = prune_by_magnitude();
    prune_model(*model_, prune, prune.sparsity, trainer_->masks(), *train_, 0, 0);
  }

  void say_hello(RunLog& log, bool resumed) const {
    int64_t weights = 0;
    for (const Parameter& parameter : model_->parameters()) weights += parameter.tensor.numel();
    log.say(concat(name_of(command_), " ", config_.run.name, ": ", config_.model.type, ", ",
                   weights, " parameters, ", data_.train->samples(), " training, ",
                   data_.validation ? data_.validation->samples() : 0, " validation and ",
                   data_.test->samples(), " test samples, ", describe(device_)));
    if (data_.text)
      for (const std::string& note : data_.text->notes) log.say("data: " + note);
    if (resumed)
      log.say(concat(
          "resumed at step ", trainer_->total_steps(), ", in ",
          trainer_->phase() < phases_.size() ? phases_[trainer_->phase()].name : "the comparison"));
    if (command_ == Command::train) return;
    for (const auto& [name, reason] : select_layers_of(config_.prune, *model_).excluded)
      log.say(concat("stays dense: ", name, " (", reason, ")"));
    if (speed_) say_speed(log);
  }

  void say_speed(RunLog& log) const {
    const SpeedModel& model = speed_->model();
    log.say(concat(std::fixed, std::setprecision(3), "speed: dense ", model.dense_ms, " ms, ",
                   model.other_ms, " ms of it outside of the layers that are pruned; cost model ",
                   speed_origin_.empty() ? "of the run's beginning" : speed_origin_));
    log.say(concat(std::fixed, std::setprecision(2), "speed: ", config_.prune.target_speedup,
                   " times the dense model is predicted at ", 100 * config_.prune.sparsity,
                   "% sparsity by the magnitudes of the weights to start from"));
  }

  void before(const Phase& phase) {
    if (phase.kind == Phase::Kind::control) load(kDenseFile);
  }

  void after(const Phase& phase, RunLog& log) {
    if (phase.kind == Phase::Kind::dense) write_dense(kDenseFile);
    if (phase.kind == Phase::Kind::control) write_dense(kControlFile);
    const bool ends = command_ == Command::train || phase.kind == Phase::Kind::prune;
    if (!ends || !phase.selects_best) return;
    const auto path = directory_.file(kModelFile);
    write_model(path);
    log.say(concat("exported ", path.string(), ", ", std::filesystem::file_size(path), " bytes"));
  }

  /// With the masks of the moment: packed, or dense where there are none.
  void write_model(const std::filesystem::path& path) const {
    const bool keeps = command_ == Command::train;  // the pattern that it started from
    write_model_file(path, *model_, card_, trainer_->masks(),
                     {.dtype = config_.export_.dtype == "bf16" ? DType::bf16 : DType::f32,
                      .pattern = keeps ? start_pattern_ : config_.prune.pattern,
                      .granularity = keeps ? start_granularity_
                                           : granularity_of(pattern_options(config_.prune))});
  }

  void write_dense(const char* name) const {
    write_model_file(directory_.file(name), *model_, card_, {}, {.format = ExportFormat::dense});
  }

  void load(const char* name) {
    const auto path = directory_.file(name);
    model_->load_state_dict(load_model(read_model_file(path), path).model->state_dict());
  }

  /// Of one of the run's dense files; leaves its weights in the model.
  Evaluation evaluate_dense(const char* name, TextScores& scores) {
    load(name);
    return evaluate_model(*model_, scores);
  }

  Evaluation evaluate_model(Module& model, TextScores& text) {
    const DType dtype = activation_type(config_.run, device_.device);
    const TaskScores scores = test_scores(model, dtype, data_, *test_, device_.device);
    if (data_.text) text = scores.text;
    return scores.evaluation;
  }

  Summary summarize(RunLog& log) {
    Summary summary{.command = name_of(command_), .model = config_.model.type};
    summary.is_text = data_.text.has_value();
    cpu().set_bf16_products(
        false);  // sparse plans compute in f32: what they are compared with, too
    for (const Parameter& parameter : model_->parameters())
      summary.parameters += parameter.tensor.numel();
    const Evaluation dense = evaluate_dense(kDenseFile, summary.dense_text);
    summary.dense_accuracy = summary.dense_accuracy_before_pruning = dense.top1;
    summary.dense_top5 = dense.top5;
    if (command_ != Command::train) {
      if (config_.prune.dense_control) {
        const Evaluation control = evaluate_dense(kControlFile, summary.dense_text);
        summary.dense_accuracy = control.top1;
        summary.dense_top5 = control.top5;
      }
      add_sparse(summary, log);
    }
    summary.run_seconds = setup_seconds_ + trainer_->seconds();
    return summary;
  }

  void add_sparse(Summary& summary, RunLog& log) {
    const auto path = directory_.file(kModelFile);
    const ModelFile file = read_model_file(path);
    const LoadedModel loaded = load_model(file, path);
    loaded.model->to(device_.device);
    summary.pattern = config_.prune.pattern;
    summary.sparsity = sparsity(loaded.masks);
    if (speed_) {
      summary.target_speedup = config_.prune.target_speedup;
      summary.predicted_speedup = speed_->model().speedup(file.tiles);
    }
    summary.dense_bytes =
        static_cast<int64_t>(std::filesystem::file_size(directory_.file(kDenseFile)));
    summary.sparse_bytes = static_cast<int64_t>(std::filesystem::file_size(path));
    if (data_.text) {
      const std::unique_ptr<Module> model = load_model(file, path).model;
      model->to(device_.device);
      if (device_.device.is_cpu()) use_tiles(*model, file.tiles);
      evaluate_sparse(*model, summary);
    }
    try {
      if (data_.text) return compare_texts(file, loaded, summary, log);
      compare_images(file, loaded, summary, log);
    } catch (const std::invalid_argument& error) {
      summary.is_timed = false;
      log.say(concat(
          "The sparse kernels do not run this model yet: its sparse file is evaluated with its "
          "zeros in place, and nothing is timed. ",
          error.what()));
      if (!data_.text) evaluate_sparse(*loaded.model, summary);
    }
  }

  void evaluate_sparse(Module& model, Summary& summary) {
    const Evaluation sparse = evaluate_model(model, summary.sparse_text);
    summary.sparse_accuracy = sparse.top1;
    summary.sparse_top5 = sparse.top5;
  }

  /// Sparse against dense on a test batch.
  void compare_texts(const ModelFile& file, const LoadedModel& loaded, Summary& summary,
                     RunLog& log) {
    std::vector<Tensor> inputs = timed_inputs();
    for (Tensor& input : inputs) input = input.to(device_.device);
    add_times(compare_with_dense(loaded, file, inputs), summary, log);
  }

  /// Sparse against dense: equality, accuracy and time.
  void compare_images(const ModelFile& file, const LoadedModel& loaded, Summary& summary,
                      RunLog& log) {
    const Tensor batch = timed_inputs()[0].to(device_.device);
    const bool is_bf16 = activation_type(config_.run, device_.device) == DType::bf16;
    const DType dtype = is_bf16 ? DType::bf16 : DType::f32;
    const SparseModel sparse(loaded, file, {batch}, dtype);
    BatchStream batches(*test_, device_.device);
    const Evaluation result =
        evaluate([&](const auto& inputs) { return sparse.run(inputs); }, batches);
    summary.sparse_accuracy = result.top1;
    summary.sparse_top5 = result.top5;
    add_times(compare_with_dense(loaded, file, {batch}, dtype), summary, log);
  }

  static void add_times(const Comparison& compared, Summary& summary, RunLog& log) {
    log.say(compared.plan);
    summary.batch_size = compared.batch_size;
    summary.dense_ms = compared.dense_ms;
    summary.sparse_ms = compared.sparse_ms;
    summary.best_library_ms = compared.best_library_ms;
    summary.best_library = compared.best_library;
    summary.speedup = compared.speedup;
    summary.max_abs_diff = compared.max_abs_diff;
  }

  const Clock::time_point started_ = Clock::now();
  Command command_;
  Config config_;  ///< with the sparsity that prune.target_speedup needs
  const RunOptions& options_;
  RunDirectory& directory_;
  DeviceChoice device_;
  TaskData data_;
  ModelCard card_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<DataLoader> train_;
  std::unique_ptr<DataLoader> test_;
  std::unique_ptr<DataLoader> validation_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<SpeedTarget> speed_;  ///< for prune.target_speedup
  std::string speed_origin_;            ///< of its costs; empty after a resume
  std::vector<Phase> phases_;
  double start_sparsity_ = 0;  ///< of the weights of --from, as the next two
  std::string start_pattern_;
  int64_t start_granularity_ = 0;
  double setup_seconds_ = 0;  ///< until the trainer's own clock started
};

}  // namespace

void run_command(Command command, const Config& config, RunOptions options) {
  options.command = name_of(command);
  RunDirectory directory(config, options);
  if (directory.state() == RunDirectory::State::finished) {
    std::cout << "The run in " << directory.path().string()
              << " is finished: nothing to do. Its result is in summary.json." << std::endl;
    return;
  }
  Run run(command, config, options, directory, use_backend(config.run));
  try {
    run.execute();
  } catch (const std::invalid_argument& error) {
    // The user's mistakes were found above: from here on it is a failure of the run.
    throw std::runtime_error(error.what());
  }
}

TaskScores evaluate_file(const Config& config, const std::filesystem::path& weights) {
  const Device device = use_backend(config.run).device;
  cpu().set_bf16_products(false);
  const DType dtype = activation_type(config.run, device);
  const ModelFile file = read_model_file(weights);
  const LoadedModel loaded = load_model(file, weights);
  TaskData data = make_task_data(config);
  check_fits("eval", file.card, data);
  if (data.images) {
    DataLoaderOptions options = eval_loader_options(config.data, *data.images);
    options.mean = file.card.mean;
    options.std = file.card.std;
    data.test = std::make_shared<ImageBatches>(data.images->test, options);
  }
  const auto test = make_loader(config, data.test);
  loaded.model->to(device);
  if (device.is_cpu()) use_tiles(*loaded.model, file.tiles);
  TaskScores scores = test_scores(*loaded.model, dtype, data, *test, device);
  scores.note = other_class_names(file.card, data);
  return scores;
}

}  // namespace tessera
