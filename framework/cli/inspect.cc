// tessera inspect FILE [--heatmap out.png]
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>

#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/heatmap.h"
#include "framework/io/image.h"

namespace tessera {
namespace {

struct InspectArguments {
  std::string file, heatmap;
};

double percent(double part, double whole) { return whole == 0 ? 0 : 100 * part / whole; }

void print_row(const std::string& name, const std::string& shape, const std::string& tiles,
               const std::string& kept, double sparsity) {
  std::cout << std::left << std::setw(36) << name << std::setw(20) << shape << std::right
            << std::setw(7) << tiles << std::setw(14) << kept << std::setw(10) << std::fixed
            << std::setprecision(2) << sparsity << "%\n";
}

void print_layers(const ModelFile& file) {
  std::cout << std::left << std::setw(36) << "weight" << std::setw(20) << "shape" << std::right
            << std::setw(7) << "tiles" << std::setw(14) << "outputs kept" << std::setw(11)
            << "sparsity"
            << "\n";
  double zeros = 0, weights = 0;
  for (const auto& [name, tiles] : file.tiles) {
    const double all = static_cast<double>(tiles.shape.numel());
    double kept = 0;
    for (const float value : tiles.values) kept += value != 0;
    for (const float value : tiles.tew_values) kept += value != 0;
    zeros += all - kept;
    weights += all;
    print_row(name, concat(tiles.shape), concat(tiles.tiles()),
              concat(tiles.n_idx.size(), "/", tiles.outputs()), percent(all - kept, all));
  }
  print_row("all prunable weights", concat(static_cast<int64_t>(weights)), "", "",
            percent(zeros, weights));
}

void draw(const ModelFile& file, const std::string& path) {
  require(!file.tiles.empty(),
          "[inspect] --heatmap must be given a file with masks; got a dense "
          "one. Inspect model.safetensors of a run that pruned.");
  std::vector<MaskPanel> panels;
  for (const auto& [name, tiles] : file.tiles) panels.push_back({name, stored_mask(tiles)});
  write_png(path, draw_heatmap(panels));
  std::cout << "masks drawn to " << path << "\n";
}

void inspect(const InspectArguments& arguments) {
  const ModelFile file = read_model_file(arguments.file);
  const ModelCard& card = file.card;
  std::cout << arguments.file << ": " << card.model.type << " for " << card.dataset << ", "
            << card.channels << "x" << card.height << "x" << card.width << " to "
            << card.model.num_classes << " classes, " << std::filesystem::file_size(arguments.file)
            << " bytes\n";
  if (file.tiles.empty())
    std::cout << "dense: no weight is packed\n";
  else
    std::cout << "pattern " << file.pattern << ", granularity " << file.granularity << "\n\n";
  if (!file.tiles.empty()) print_layers(file);
  int64_t others = 0;
  for (const auto& [name, tensor] : file.state) others += tensor.numel();
  std::cout << file.state.size() << " other tensors, " << others << " values\n";
  if (!arguments.heatmap.empty()) draw(file, arguments.heatmap);
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
