#include "framework/train/training_state.h"

#include <charconv>
#include <utility>

#include "framework/core/errors.h"
#include "framework/io/safetensors.h"

namespace tessera {
namespace {

constexpr const char* kFormat = "tessera.training_state";
constexpr const char* kVersion = "2";

std::string to_text(double value) {
  char text[64];
  return {text,
          std::to_chars(text, text + sizeof(text), value).ptr};  // reads back to the same bits
}

/// The state's numbers by name, for writing and reading alike.
template <class State, class F>
void for_each_number(State& state, F&& f) {
  f("phase", state.phase);
  f("step", state.step);
  f("total_steps", state.total_steps);
  f("pruning_steps", state.pruning_steps);
  f("seconds", state.seconds);
  f("epoch_loss", state.epoch_loss);
  f("epoch_correct", state.epoch_correct);
  f("epoch_samples", state.epoch_samples);
  f("best_accuracy", state.best_accuracy);
  f("early_stop_best", state.early_stop.best);
  f("early_stop_epochs", state.early_stop.epochs_without_gain);
}

/// The state's groups of tensors by prefix.
template <class State, class F>
void for_each_group(State& state, F&& f) {
  f("best/", state.best);
  f("model/", state.model);
  f("optimizer/", state.optimizer);
  f("average/", state.average);
  f("loss_scale/", state.loss_scale);
  f("mask/", state.masks);
}

}  // namespace

void save_training_state(const std::filesystem::path& path, const TrainingState& state) {
  std::map<std::string, std::string> metadata{
      {"format", kFormat}, {"version", kVersion}, {"teacher", state.teacher}, {"data", state.data}};
  for_each_number(state, [&](const char* name, auto value) {
    if constexpr (std::is_same_v<decltype(value), double>)
      metadata[name] = to_text(value);
    else
      metadata[name] = std::to_string(value);
  });
  TensorMap tensors;
  for_each_group(state, [&](const std::string& prefix, const auto& group) {
    for (const auto& [name, tensor] : group) tensors[prefix + name] = tensor.to(Device{});
  });
  write_safetensors(path, {std::move(tensors), std::move(metadata)});
}

bool is_training_state(const std::filesystem::path& path) {
  const auto metadata = read_safetensors_header(path).metadata;
  const auto format = metadata.find("format");
  return format != metadata.end() && format->second == kFormat;
}

TrainingState load_training_state(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  require_runtime(file.metadata["format"] == kFormat && file.metadata["version"] == kVersion,
                  "[checkpoint] ", path.string(), " must be a training state of version ", kVersion,
                  "; got another kind of file.");
  TrainingState state;
  state.teacher = file.metadata["teacher"];
  state.data = file.metadata["data"];
  for_each_number(state, [&](const char* name, auto& value) {
    const std::string& text = file.metadata[name];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    require_runtime(error == std::errc() && end == text.data() + text.size() && !text.empty(),
                    "[checkpoint] ", path.string(), " must state ", name, " as a number; got '",
                    text, "'.");
  });
  for (auto& [key, tensor] : file.tensors) {
    bool known = false;
    for_each_group(state, [&](const std::string& prefix, auto& group) {
      if (!key.starts_with(prefix)) return;
      group[key.substr(prefix.size())] = tensor;
      known = true;
    });
    require_runtime(known, "[checkpoint] ", path.string(), " holds an unknown tensor '", key, "'.");
  }
  return state;
}

}  // namespace tessera
