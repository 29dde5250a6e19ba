#include "layers/models/vit.h"

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/cast.h"
#include "framework/ops/concat.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"
#include "framework/ops/to_layout.h"
#include "framework/ops/transpose.h"

namespace tessera {
namespace {

/// The tables that belong to no layer: the class token and the positions.
class Tables : public Scope {
 public:
  Tables(int64_t tokens, int64_t width) {
    class_token =
        add_parameter("cls_token", Tensor::zeros({1, 1, width}), ParameterRole::embedding);
    positions = add_parameter("position_embeddings", Tensor::zeros({1, tokens, width}),
                              ParameterRole::embedding);
  }
  Tensor class_token, positions;
};

}  // namespace

Vit::Vit(const ModelConfig& config, const ModelInput& input)
    : options_(transformer_options(config)) {
  const int64_t patch = config.patch_size, width = options_.width;
  require(patch >= 1 && input.height % patch == 0 && input.width % patch == 0,
          "[model] patch_size of vit must divide the image; got ", patch, " for ", input.height,
          "x", input.width, " pixels.");
  require(options_.norm == NormPosition::pre,
          "[model] norm of vit must be pre; got post. Leave model.norm out.");
  const int64_t tokens = (input.height / patch) * (input.width / patch) + 1;
  const Tables& tables = attach("vit.embeddings", std::make_unique<Tables>(tokens, width));
  class_token_ = tables.class_token;
  positions_ = tables.positions;
  patches_ = &make<Conv2d>("vit.embeddings.patch_embeddings.projection", input.channels, width,
                           std::array{patch, patch}, Conv2dOptions{.stride = {patch, patch}});
  dropout_ = &add<Dropout>("dropout", options_.dropout);
  for (int64_t i = 0; i < config.num_layers; ++i)
    layers_.push_back(
        &make<TransformerLayer>(concat("vit.encoder.layer.", i), options_, kVitNames));
  norm_ = &make<LayerNorm>("vit.layernorm", width, options_.eps);
  classifier_ = &make<Linear>("classifier", width, input.classes, true, ParameterRole::head);
}

Tensor Vit::embed(const Tensor& images) {
  const Tensor planes = to_layout(run(*patches_, images), Layout::row_major);
  const int64_t batch = planes.dim(0), width = planes.dim(1);
  const Tensor patches =
      transpose(reshape(planes, {batch, width, planes.dim(2) * planes.dim(3)}), {0, 2, 1});
  const Tensor start = Tensor::zeros({batch, 1, width}, patches.options());
  const Tensor first = tessera::add(start, cast(class_token_, patches.dtype()));
  return tessera::add(concat({first, patches}, 1), cast(positions_, patches.dtype()));
}

Tensor Vit::forward(const Tensor& images) {
  Tensor x = dropout_->forward(embed(images));
  for (TransformerLayer* layer : layers_) x = run(*layer, x);
  const Tensor first = slice(run(*norm_, x), 1, 0, 1);  // the class token
  return run(*classifier_, reshape(first, {first.dim(0), options_.width}));
}

}  // namespace tessera
