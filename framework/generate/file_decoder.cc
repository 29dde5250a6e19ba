#include "framework/generate/file_decoder.h"

#include "framework/core/errors.h"
#include "layers/use_tiles.h"

namespace tessera {
namespace {

/// Lets the model run over its tiles where that can be; what there is to say of it.
std::string put_tiles_to_use(Module& model, const ModelFile& file, Device device) {
  if (file.tiles.empty()) return "";
  if (!device.is_cpu()) return ", pruned weights as dense ones with zeros";
  const TilesInUse used = use_tiles(model, file.tiles);
  std::string text = concat(", ", used.sparse.size(), " pruned weights over their tiles");
  if (!used.dense.empty()) text += concat(", ", used.dense.size(), " as dense ones with zeros");
  return text;
}

}  // namespace

FileDecoder make_file_decoder(const ModelFile& file, const std::filesystem::path& path,
                              Device device) {
  const std::shared_ptr<Module> model = load_model(file, path).model;
  auto* const decoder = dynamic_cast<StepDecoder*>(model.get());
  require(decoder != nullptr, "[generate] ", path.string(),
          " must hold a model that writes tokens (gpt2, seq2seq, nmt); got ", file.card.model.type,
          ".");
  model->to(device);
  return {.decoder = {model, decoder},
          .device = device,
          .description = concat("the decoder of the model on ", device,
                                put_tiles_to_use(*model, file, device))};
}

}  // namespace tessera
