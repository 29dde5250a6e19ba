// Weights of an imported model went into a config whose model has other heads or another
// activation, of the same shapes: the run ended well, with another function than the file's.
#include <doctest/doctest.h>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "layers/models/language.h"
#include "tests/temporary_folder.h"

using namespace tessera;

TEST_CASE("a run goes on from weights of the same function alone") {
  const testing::TemporaryFolder scratch;
  const Config config =
      parse_config("run: {threads: 1, dir: \"" + (scratch.path() / "run").string() +
                       "\"}\n"
                       "data: {type: glyphs, batch_size: 36, train_samples: 36, test_samples: 36,\n"
                       "       validation: 0}\n"
                       "model: {type: vit, hidden_size: 16, num_layers: 1, num_heads: 2,\n"
                       "        patch_size: 16}\n"
                       "train: {epochs: 1}\n",
                   "test.yaml");
  ModelCard card;
  card.model = config.model;
  card.channels = 1;
  card.height = card.width = 32;
  card.model.num_classes = 36;
  const auto file = scratch.path() / "from.safetensors";
  const auto run_from = [&] {
    write_model_file(file, *make_model(card.model, input_of(card), 1), card, {}, {});
    run_command(Command::train, config, {.overwrite = true, .from = file.string()});
  };
  card.model.num_heads = 4;
  card.model.activation = "relu";
  CHECK_THROWS_WITH_AS(run_from(),
                       doctest::Contains("model.num_heads 4 and 2, model.activation relu and auto"),
                       std::invalid_argument);
  card.model.num_heads = 2;
  card.model.activation = "gelu";  // auto's
  card.model.norm_eps = 1e-12;
  CHECK_NOTHROW(run_from());
}

TEST_CASE("difference_in_function: what the shapes of weights do not tell") {
  ModelConfig a;
  a.type = "gpt2";
  ModelConfig b = a;
  b.activation = "gelu_tanh";
  b.norm = "pre";
  b.norm_eps = 1e-5;
  CHECK(difference_in_function(a, b).empty());
  b.positions = "rotary";
  b.norm_type = "rms";
  b.norm_eps = 1e-6;
  CHECK(difference_in_function(a, b) ==
        "model.norm_type layer and rms, model.positions learned and rotary, "
        "model.norm_eps 1e-05 and 1e-06");
  b.type = "bert";  // its names tell
  CHECK(difference_in_function(a, b).empty());
}
