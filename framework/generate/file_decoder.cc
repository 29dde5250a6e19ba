#include "framework/generate/file_decoder.h"

#include "framework/core/errors.h"

namespace tessera {

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
                                file.tiles.empty() ? "" : ", pruned weights as dense ones with ",
                                file.tiles.empty() ? "" : "zeros")};
}

}  // namespace tessera
