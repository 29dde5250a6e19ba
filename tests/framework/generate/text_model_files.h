// Small model files of language with random weights, as a run would have written them.
#pragma once

#include <string>
#include <vector>

#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/infer/model_file.h"
#include "layers/models/make_model.h"
#include "tests/framework/infer/pruned_model.h"

namespace tessera::testing {

inline constexpr int64_t kTextPositions = 12;

/// Words, with the special tokens in front; "é" among them.
inline TokenizerData word_vocabulary() {
  return {.type = "words",
          .tokens = {"<pad>", "<unk>", "<s>", "</s>", "a", "dog", "cat", "runs", "sleeps", "é"}};
}

inline ModelCard text_card(const std::string& type) {
  const std::string tokenizer = make_tokenizer(word_vocabulary())->serialize();
  ModelCard card;
  card.dataset = "tsv";
  card.tokenizer = tokenizer;
  card.model.type = type;
  card.model.hidden_size = 32;
  card.model.num_layers = 2;
  card.model.num_heads = 2;
  card.model.max_positions = kTextPositions;
  card.model.vocab_size = card.model.num_classes = std::ssize(word_vocabulary().tokens);
  if (type == "bert") {
    card.class_names = {"bad", "good"};
    card.model.num_classes = 2;
  }
  if (input_kind_of(type) == InputKind::pairs) {
    card.target_tokenizer = tokenizer;
    card.model.target_vocab_size = card.model.vocab_size;
  }
  return card;
}

/// With packed weights, pruned by a tile-wise pattern, or dense. Equal calls give equal weights, up
/// to the pruning.
inline void write_text_model(const std::filesystem::path& path, const ModelCard& card,
                             bool is_sparse) {
  const auto model = make_model(card.model, input_from(card.model), 1);
  randomize(*model);
  Masks masks;
  uint32_t stream = 1;
  for (const Parameter& p : model->parameters())
    if (is_sparse && p.is_prunable())
      masks[p.name] = tile_wise_mask(p.tensor.shape(), 16, ++stream);
  apply_masks(model->parameters(), masks);
  write_model_file(path, *model, card, masks, {.granularity = 16});
}

}  // namespace tessera::testing
