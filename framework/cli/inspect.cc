// tessera inspect FILE [--heatmap out.png]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/heatmap.h"
#include "framework/io/image.h"
#include "framework/io/safetensors.h"

namespace tessera {
namespace {

struct InspectArguments {
  std::string file, heatmap;
};

double percent(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }

/// Layer 4 before layer 11.
bool in_natural_order(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0, j = 0; i < a.size() && j < b.size(); ++i, ++j) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto end = [&](const std::string& text, size_t from) {
        return std::min(text.find_first_not_of("0123456789", from), text.size());
      };
      const size_t length_a = end(a, i) - i, length_b = end(b, j) - j;
      if (length_a != length_b) return length_a < length_b;
    }
    if (a[i] != b[j]) return a[i] < b[j];
  }
  return a.size() < b.size();
}

std::vector<std::string> layers_of(const ModelFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, tiles] : file.tiles) names.push_back(name);
  std::sort(names.begin(), names.end(), in_natural_order);
  return names;
}

/// Bytes of the tensors that hold the pruned weight `name`, in whichever format.
int64_t bytes_of(const std::string& name, const std::map<std::string, int64_t>& bytes) {
  int64_t sum = 0;
  const auto add = [&](const std::string& key) {
    if (const auto it = bytes.find(key); it != bytes.end()) sum += it->second;
  };
  add(name);
  add(name + ".mask");
  for (const char* suffix : kTileSuffixes) add(name + suffix);
  return sum;
}

void print_row(size_t width, const std::string& name, const std::string& shape,
               const std::string& tiles, const std::string& kept, const std::string& singles,
               const std::string& sparsity, const std::string& bytes) {
  std::cout << std::left << std::setw(static_cast<int>(width)) << name << " " << std::setw(20)
            << shape << std::right << std::setw(7) << tiles << std::setw(14) << kept
            << std::setw(10) << singles << std::setw(11) << sparsity << std::setw(12) << bytes
            << "\n";
}

std::string percentage(double zeros, double all) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << percent(zeros, all) << '%';
  return text.str();
}

void print_layers(const ModelFile& file, const std::string& path) {
  std::map<std::string, int64_t> bytes;
  for (const auto& entry : read_safetensors_header(path).entries)
    bytes[entry.name] = entry.end - entry.begin;
  size_t width = 35;
  for (const auto& [name, tiles] : file.tiles) width = std::max(width, name.size());
  print_row(width, "weight", "shape", "tiles", "their outputs", "singles", "sparsity", "bytes");
  double zeros = 0, weights = 0;
  int64_t all_bytes = 0;
  for (const std::string& name : layers_of(file)) {
    const TileMatrix& tiles = file.tiles.at(name);
    const double all = static_cast<double>(tiles.shape.numel());
    double kept = 0;
    for (const float value : tiles.values) kept += value != 0;
    for (const float value : tiles.tew_values) kept += value != 0;
    const int64_t layer_bytes = bytes_of(name, bytes);
    print_row(width, name, concat(tiles.shape), concat(tiles.tiles()),
              tiles.tiles() == 0 ? "-" : concat(tiles.n_idx.size(), "/", tiles.outputs()),
              tiles.has_remainder() ? concat(tiles.tew_values.size()) : "-",
              percentage(all - kept, all), concat(layer_bytes));
    zeros += all - kept;
    weights += all;
    all_bytes += layer_bytes;
  }
  print_row(width, "all prunable weights", concat(static_cast<int64_t>(weights)), "", "", "",
            percentage(zeros, weights), concat(all_bytes));
}

void draw(const ModelFile& file, const InspectArguments& arguments) {
  require(!file.tiles.empty(),
          "[inspect] --heatmap must be given a file with masks; got a dense "
          "one. Inspect model.safetensors of a run that pruned.");
  // Through the model, which bounds the shapes that a small file can claim.
  const LoadedModel loaded = load_model(file, arguments.file);
  std::vector<MaskPanel> panels;
  for (const std::string& name : layers_of(file)) panels.push_back({name, loaded.masks.of(name)});
  write_png(arguments.heatmap, draw_heatmap(panels));
  std::cout << "masks drawn to " << arguments.heatmap << "\n";
}

/// What goes in and comes out.
std::string ends_of(const ModelCard& card) {
  const ModelConfig& model = card.model;
  if (card.channels > 0)
    return concat(card.channels, "x", card.height, "x", card.width, " to ", model.num_classes,
                  " classes");
  const std::string tokens = concat(model.max_positions, " of ", model.vocab_size, " tokens to ");
  if (model.target_vocab_size > 0) return concat(tokens, "some of ", model.target_vocab_size);
  if (model.type != "bert" || model.head == "masked_lm") return tokens + "the same";
  return tokens + (model.head == "span" ? "a span" : concat(model.num_classes, " classes"));
}

void inspect(const InspectArguments& arguments) {
  const ModelFile file = read_model_file(arguments.file);
  const ModelCard& card = file.card;
  std::cout << arguments.file << ": " << card.model.type << " for " << card.dataset << ", "
            << ends_of(card) << ", " << std::filesystem::file_size(arguments.file) << " bytes\n";
  if (file.tiles.empty())
    std::cout << "dense: no weight is packed\n";
  else
    std::cout << "pattern " << file.pattern << ", granularity " << file.granularity << "\n\n";
  if (!file.tiles.empty()) print_layers(file, arguments.file);
  int64_t others = 0;
  for (const auto& [name, tensor] : file.state) others += tensor.numel();
  std::cout << file.state.size() << " other tensors, " << others << " values\n";
  if (!arguments.heatmap.empty()) draw(file, arguments);
}

}  // namespace

void add_inspect_command(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("inspect", "Print the layers, tiles and sparsity of a model file");
  auto arguments = std::make_shared<InspectArguments>();
  command->add_option("FILE", arguments->file, "A model file")->required();
  command->add_option("--heatmap", arguments->heatmap, "Draw the masks to this PNG file");
  command->callback([=, &action] { action = [=] { inspect(*arguments); }; });
}

}  // namespace tessera
