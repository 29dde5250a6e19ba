// What a bad config is answered with: never a crash, all mistakes at once, each with its place.
#include <filesystem>
#include <fstream>

#include "tests/framework/io/config_testing.h"

namespace tessera {
namespace {

using testing::errors_of;
using testing::kMinimal;

struct BadConfig {
  std::string name;
  std::string text;
  std::string message;  ///< the first one, from its start
};

std::string nested(const std::string& open, int depth) {
  std::string text = "run: ";
  for (int i = 0; i < depth; ++i) text += open;
  return text;
}

const std::string kBase = kMinimal;

TEST_CASE("every kind of mistake has its message and its place") {
  const BadConfig cases[] = {
      {"unknown key", "data: {type: glyphs}\nmodel: {type: lenet}\nprune:\n  final_sparsty: 0.5\n",
       "c.yaml:4:3: unknown key 'prune.final_sparsty' - did you mean 'prune.sparsity'?"},
      {"unknown section", kBase + "optimiser: {lr: 1}",
       "c.yaml:3:1: unknown key 'optimiser' - did you mean 'optimizer'?"},
      {"key of another section", kBase + "epochs: 3",
       "c.yaml:3:1: unknown key 'epochs' - did you mean 'train.epochs'?"},
      {"key like nothing", kBase + "qqq: 3", "c.yaml:3:1: unknown key 'qqq'"},
      {"text for a number", kBase + "train: {epochs: many}",
       "c.yaml:3:17: 'train.epochs' must be a whole number in [1, 1000000]; got 'many'"},
      {"quoted number", kBase + "train: {epochs: \"3\"}",
       "c.yaml:3:17: 'train.epochs' must be a whole number in [1, 1000000]; got '3'. Remove the "
       "quotes"},
      {"float for a whole number", kBase + "train: {epochs: 3.0}", "c.yaml:3:17: 'train.epochs'"},
      {"list for a number", kBase + "train: {epochs: [3]}",
       "c.yaml:3:17: 'train.epochs' must be a whole number in [1, 1000000]; got a list"},
      {"nothing for a number", kBase + "train:\n  epochs:\n",
       "c.yaml:4:3: 'train.epochs' must be a whole number in [1, 1000000]; got nothing"},
      {"number for a section", kBase + "train: 3",
       "c.yaml:3:8: 'train' must be a map of keys; got '3'"},
      {"infinite", kBase + "optimizer: {lr: inf}",
       "c.yaml:3:17: 'optimizer.lr' must be a number above 0; got 'inf'"},
      {"beyond int64", kBase + "train: {epochs: 99999999999999999999}",
       "c.yaml:3:17: 'train.epochs'"},
      {"negative seed", kBase + "run: {seed: -1}",
       "c.yaml:3:13: 'run.seed' must be a whole number of at least 0; got '-1'"},
      {"yes for a flag", kBase + "optimizer: {nesterov: yes}",
       "c.yaml:3:23: 'optimizer.nesterov' must be true or false; got 'yes'"},
      {"choice", kBase + "optimizer: {type: sdg}",
       "c.yaml:3:19: 'optimizer.type' must be one of sgd, adam, adamw; got 'sdg' - did you mean "
       "'sgd'?"},
      {"duration", kBase + "checkpoint: {every: 5}",
       "c.yaml:3:21: 'checkpoint.every' must be a duration such as 2ep (epochs) or 500st (steps)"},
      {"half a step", kBase + "checkpoint: {every: 1.5st}", "c.yaml:3:21: 'checkpoint.every'"},
      {"zero duration", kBase + "checkpoint: {every: 0ep}", "c.yaml:3:21: 'checkpoint.every'"},
      {"sparsity of 1", kBase + "prune: {sparsity: 1.0}",
       "c.yaml:3:19: 'prune.sparsity' must be a number in (0, 1), or none; got '1.0'"},
      {"granularity of 0", kBase + "prune: {granularity: 0}", "c.yaml:3:22: 'prune.granularity'"},
      {"does not apply", kBase + "scheduler: {type: cosine, gamma: 0.1}",
       "c.yaml:3:27: 'scheduler.gamma' does not apply to scheduler.type 'cosine', only to step. "
       "Remove it"},
      {"does not apply to the default", kBase + "scheduler: {gamma: 0.1}",
       "c.yaml:3:13: 'scheduler.gamma' does not apply to scheduler.type 'constant'"},
      {"section that does not apply",
       "data: {type: glyphs, tokenizer: {type: bpe}}\nmodel: {type: lenet}",
       "c.yaml:1:34: 'data.tokenizer.type' does not apply to data.type 'glyphs', only to sst2, "
       "tsv, "
       "text, masked_text, squad, parallel_text. Remove it"},
      {"images' key for text", "data: {type: text, mean: [0.5], std: [0.5]}\nmodel: {type: lenet}",
       "c.yaml:1:20: 'data.mean' does not apply to data.type 'text'"},
      {"one vocabulary for two",
       "data: {type: parallel_text, tokenizer: {files: [v.txt], shared: false}}\n"
       "model: {type: lenet}",
       "c.yaml:1:57: 'data.tokenizer.shared' must be true where data.tokenizer.files are given"},
      {"one language", "data: {type: parallel_text, target: en}\nmodel: {type: lenet}",
       "c.yaml:1:29: 'data.target' must differ from data.source; got 'en' for both"},
      {"component", "data: {type: glyphs, augment: [flop]}\nmodel: {type: lenet}",
       "c.yaml:1:32: unknown component 'flop' in 'data.augment' - did you mean 'flip'?"},
      {"argument of a component",
       "data: {type: glyphs, augment: [{crop: {padd: 4}}]}\nmodel: {type: lenet}",
       "c.yaml:1:40: unknown argument 'padd' of crop in 'data.augment' - did you mean 'pad'?"},
      {"value of an argument", "data: {type: glyphs, augment: [{flip: 2}]}\nmodel: {type: lenet}",
       "c.yaml:1:39: 'p' of flip in 'data.augment' must be a number in [0, 1]; got '2'"},
      {"missing argument", "data: {type: glyphs, augment: [resize]}\nmodel: {type: lenet}",
       "c.yaml:1:32: 'size' of resize in 'data.augment' is missing"},
      {"missing key", "data: {type: glyphs}\nmodel: {}",
       "c.yaml:2:1: 'model.type' is missing; it must be one of mlp, lenet"},
      {"key twice", kBase + "train:\n  epochs: 1\n  epochs: 2\n",
       "c.yaml:5:3: key 'epochs' is given twice; first at c.yaml:4:3"},
      {"section twice", kBase + "data: {type: mnist}",
       "c.yaml:3:1: key 'data' is given twice; first at c.yaml:1:1"},
      {"regex", kBase + "prune: {include: [\"a(\"]}",
       "c.yaml:3:9: 'prune.include' must be regular expressions (ECMAScript); got 'a('"},
      {"long regex", kBase + "prune: {include: [\"" + std::string(600, '(') + "\"]}",
       "c.yaml:3:9: 'prune.include' takes regular expressions of at most 512 characters; got 600"},
      {"no regex", kBase + "prune: {include: []}", "c.yaml:3:9: 'prune.include' must list"},
      {"2:4 at 75%", kBase + "prune: {pattern: nm}",
       "c.yaml:3:1: 'prune.sparsity' must be 0.5 for prune.pattern nm, which is 2:4; got 0.75"},
      {"2:4 in tiles below 50%", kBase + "prune: {pattern: tvw, sparsity: 0.4}",
       "c.yaml:3:23: 'prune.sparsity' must be at least 0.5 for prune.pattern tvw"},
      {"vectors between steps", kBase + "prune: {pattern: vw, sparsity: 0.9}",
       "c.yaml:3:22: 'prune.sparsity' must be a multiple of 1/16 for prune.pattern vw"},
      {"no reference", kBase + "prune: {pattern: tvw, variant: reference}",
       "c.yaml:3:23: 'prune.variant' must be exact for prune.pattern tvw"},
      {"split by a word", kBase + "prune: {split: half}",
       "c.yaml:3:16: 'prune.split' must be a number in [0, 1], or equal, or auto; got 'half'"},
      {"minimum above the sparsity", kBase + "prune: {min_per_layer: 0.8}",
       "c.yaml:3:9: 'prune.min_per_layer' must not exceed prune.sparsity; got 0.8 and 0.75"},
      {"maximum below the sparsity", kBase + "prune: {max_per_layer: 0.7}",
       "c.yaml:3:9: 'prune.max_per_layer' must not be below prune.sparsity; got 0.7 and 0.75"},
      {"bounds that are none", kBase + "prune: {layer_bounds: [\"fc=0.5\"]}",
       "c.yaml:3:9: 'prune.layer_bounds' cannot be used: [bounds] the bounds of a layer's sparsity "
       "must be REGEX=MIN..MAX, rising and from 0 to 1; got 'fc=0.5'"},
      {"bounds of no layer", kBase + "prune: {layer_bounds: [\"a(=..0.5\"]}",
       "c.yaml:3:9: 'prune.layer_bounds' cannot be used: [bounds] the layers must be a regular"},
      {"all restored", kBase + "prune: {pattern: tew, delta: 0.3}",
       "c.yaml:3:23: 'prune.delta' must be below 1 together with prune.sparsity"},
      {"more than all units", kBase + "prune: {apriori: {rows: {top: 0.6, last: 0.5}}}",
       "c.yaml:3:36: 'prune.apriori.rows.last' must be at most 1 together with top"},
      {"stages fall", kBase + "prune: {schedule: {type: list, sparsities: [0.5, 0.4, 0.75]}}",
       "c.yaml:3:32: 'prune.schedule.sparsities' must rise; got 0.4 after 0.5"},
      {"stages end elsewhere", kBase + "prune: {schedule: {type: list, sparsities: [0.5]}}",
       "c.yaml:3:32: 'prune.schedule.sparsities' must end with prune.sparsity; got 0.5 and 0.75"},
      {"stages are missing", kBase + "prune: {schedule: {type: list}}",
       "c.yaml:3:9: 'prune.schedule.sparsities' must list the sparsity of each stage"},
      {"warm-up", kBase + "train: {epochs: 3}\nscheduler: {warmup: 3ep}",
       "c.yaml:4:13: 'scheduler.warmup' must be shorter than train.epochs; got 3 of 3 epochs"},
      {"betas", kBase + "optimizer: {type: adam, betas: [0.9]}",
       "c.yaml:3:25: 'optimizer.betas' must be two values; got 1"},
      {"nesterov", kBase + "optimizer: {momentum: 0, nesterov: true}",
       "c.yaml:3:26: 'optimizer.nesterov' needs optimizer.momentum above 0"},
      {"betas of fine-tuning",
       kBase + "prune: {fine_tune: {optimizer: {type: adam, betas: [0.9]}}}",
       "c.yaml:3:45: 'prune.fine_tune.optimizer.betas' must be two values; got 1"},
      {"a key of the inherited type's other one",
       kBase + "prune: {fine_tune: {optimizer: {betas: [0.9, 0.9]}}}",
       "c.yaml:3:33: 'prune.fine_tune.optimizer.betas' does not apply to "
       "prune.fine_tune.optimizer.type 'sgd', only to adam, adamw"},
      {"the rate of fine-tuning stands beside its optimizer",
       kBase + "prune: {fine_tune: {optimizer: {lr: 0.1}}}",
       "c.yaml:3:33: unknown key 'prune.fine_tune.optimizer.lr'"},
      {"window", kBase + "prune: {fine_tune: {epochs: 2.5st}}",
       "c.yaml:3:29: 'prune.fine_tune.epochs' must be a duration such as 2ep (epochs) or 500st "
       "(steps), in [0, 1000000000], or a number of epochs; got '2.5st'"},
      {"early stop without validation",
       "data: {type: glyphs, validation: 0}\nmodel: {type: lenet}\n"
       "prune: {fine_tune: {early_stop: {patience: 2}}}",
       "c.yaml:3:34: 'prune.fine_tune.early_stop.patience' needs validation data"},
      {"early stop without patience", kBase + "prune: {fine_tune: {early_stop: {min_delta: 0.1}}}",
       "c.yaml:3:34: 'prune.fine_tune.early_stop.min_delta' has no effect without patience"},
      {"the default rate of fine-tuning above the training's",
       kBase + "optimizer: {type: adamw, lr: 5.0e-4}\nprune: {sparsity: 0.5}",
       "c.yaml:4:1: 'prune.fine_tune.lr' must be given where its default, 0.01, is above "
       "optimizer.lr; got optimizer.lr 0.0005"},
      {"final rate of fine-tuning",
       kBase + "prune: {fine_tune: {lr: 0.01, scheduler: {final_lr: 0.1}}}",
       "c.yaml:3:43: 'prune.fine_tune.scheduler.final_lr' must not exceed prune.fine_tune.lr"},
      {"rewinding to the end", kBase + "train: {epochs: 3}\nprune: {rewind: true, rewind_to: 3}",
       "c.yaml:4:23: 'prune.rewind_to' must lie before train.epochs; got 3 of 3 epochs"},
      {"rewinding nothing", kBase + "prune: {rewind_to: 1}",
       "c.yaml:3:9: 'prune.rewind_to' has no effect without prune.rewind"},
      {"rewinding and a window of its own", kBase + "prune: {rewind: true, fine_tune: {epochs: 3}}",
       "c.yaml:3:35: 'prune.fine_tune.epochs' has no effect with prune.rewind"},
      {"regrowth of single weights", kBase + "prune: {pattern: ew, regrow: 0.1}",
       "c.yaml:3:22: 'prune.regrow' needs prune.pattern tw or tw1 and prune.variant exact"},
      {"units that do not exist", kBase + "prune: {pattern: units, units: neurons}",
       "c.yaml:3:32: 'prune.units' must be one of outputs, heads, channels; got 'neurons'"},
      {"heads by tiles", kBase + "prune: {units: heads}",
       "c.yaml:3:9: 'prune.units' needs prune.pattern units; got tw"},
      {"heads by layer", kBase + "prune: {pattern: units, units: heads, scope: layer}",
       "c.yaml:3:25: 'prune.units' may not be heads with prune.scope layer or bounds"},
      {"channels within bounds",
       kBase + "prune: {pattern: units, units: channels, max_per_layer: 0.9}",
       "c.yaml:3:25: 'prune.units' may not be channels with prune.scope layer or bounds"},
      {"sparsity and speed-up", kBase + "prune: {sparsity: 0.5, target_speedup: 2}",
       "c.yaml:3:24: 'prune.target_speedup' must not be given together with prune.sparsity"},
      {"neither sparsity nor speed-up", kBase + "prune: {sparsity: none}",
       "c.yaml:3:9: 'prune.sparsity' must be given where prune.target_speedup is not; got none"},
      {"no speed-up", kBase + "prune: {target_speedup: 1}",
       "c.yaml:3:25: 'prune.target_speedup' must be a number above 1, or none; got '1'"},
      {"speed-up by a list", kBase + "prune: {target_speedup: 2, schedule: {type: list}}",
       "c.yaml:3:9: 'prune.target_speedup' needs a prune.schedule.type whose stages follow it"},
      {"speed-up of the reference", kBase + "prune: {target_speedup: 2, variant: reference}",
       "c.yaml:3:9: 'prune.target_speedup' needs prune.variant exact; got reference"},
      {"minimum above the maximum",
       kBase + "prune: {target_speedup: 2, min_per_layer: 0.8, max_per_layer: 0.6}",
       "c.yaml:3:28: 'prune.min_per_layer' must not exceed prune.max_per_layer; got 0.8 and 0.6"},
      {"temperature", kBase + "prune: {distill: {temperature: 0}}",
       "c.yaml:3:32: 'prune.distill.temperature' must be a number in (0, 1000]; got '0'"},
      {"a share to test on beside a file",
       "data: {type: tsv, test_file: x.tsv, test_share: 0.1}\nmodel: {type: bert}",
       "c.yaml:1:37: 'data.test_share' has no effect beside data.test_file"},
      {"mean without std", "data: {type: glyphs, mean: [0.5]}\nmodel: {type: lenet}",
       "c.yaml:1:1: 'data.std' must have one value for each of data.mean; got 0 for 1"},
      {"range of samples",
       "data: {type: mnist, train_begin: 5, train_end: 5}\nmodel: {type: lenet}",
       "c.yaml:1:37: 'data.train_end' must be above data.train_begin; got 5 and 5"},
      {"name of a run", kBase + "run: {name: ../x}", "c.yaml:3:7: 'run.name' must be letters"},
      {"no layers", "data: {type: glyphs}\nmodel: {type: sequential}",
       "c.yaml:2:1: 'model.layers' must list at least one layer"},
      {"a list", "- a\n", "c.yaml:1:1: a config must be a map of sections; got a list"},
      {"a word", "hello", "c.yaml:1:1: a config must be a map of sections; got 'hello'"},
      {"malformed", "run: [1, 2\n", "c.yaml:"},
      {"tab", "run:\n\tname: x\n", "c.yaml:2:6: malformed YAML"},
      {"quote that does not end", "run: {name: \"x}\n", "c.yaml:"},
      {"key that is a list", kBase + "? [a, b]\n: c\n", "c.yaml:3:3: a key must be text"},
      {"key that is nothing", kBase + ": c\n", "c.yaml:3:1: a key must be text; got nothing"},
      {"two documents", kBase + "---\nrun: {}\n", "c.yaml:3:1: a config is one document"},
      {"anchor", "run: &a {name: x}\n" + kBase, "c.yaml:1:6: anchors are not supported"},
      {"alias", "run: *a\n" + kBase, "c.yaml:1:6: "},
      {"tag", "run: !!map {name: x}\n" + kBase, "c.yaml:1:6: tags are not supported"},
      {"not UTF-8", "run: {name: \xff}\n", "c.yaml:1:13: the text must be UTF-8"},
      {"UTF-16", std::string("\xff\xfer\0u\0n\0", 8), "c.yaml:1:1: the text must be UTF-8"},
      {"NUL", std::string("run: {name: a\0b}", 16), "c.yaml:1:14: the text must be UTF-8"},
      {"overlong UTF-8", "run: {name: \xc0\xaf}\n", "c.yaml:1:13: the text must be UTF-8"},
      {"deep lists", nested("[", 20000), "c.yaml:1:"},
      {"deep maps", nested("{a: ", 20000), "c.yaml:1:"},
      {"deep blocks", nested("- ", 20000), "c.yaml:1:"},
      {"many values", "run: [" + std::string(50000, ',') + "]", "c.yaml:"},
      {"too long", std::string(kMaxConfigBytes + 1, '#'), "c.yaml: a config holds at most"},
      {"environment", kBase + "run: {name: \"${TESSERA_TEST_UNSET}\"}",
       "c.yaml:3:13: the environment variable TESSERA_TEST_UNSET is not set. Set it, or write "
       "${TESSERA_TEST_UNSET:default}"},
      {"reference without a name", kBase + "run: {name: \"${}\"}",
       "c.yaml:3:13: a reference to the environment is ${NAME} or ${NAME:default}; got ${}"},
      {"reference without an end", kBase + "run: {name: \"${X\"}",
       "c.yaml:3:13: '${' lacks its '}'"},
  };
  for (const BadConfig& bad : cases) {
    CAPTURE(bad.name);
    const auto errors = errors_of(bad.text);
    REQUIRE_FALSE(errors.empty());
    CHECK(errors.front().substr(0, bad.message.size()) == bad.message);
  }
}

TEST_CASE("overrides that are wrong name their argument") {
  const std::pair<std::string, std::string> cases[] = {
      {"train.epoch=3", "unknown key 'train.epoch' - did you mean 'train.epochs'?"},
      {"train.epochs=x", "'train.epochs' must be a whole number in [1, 1000000]; got 'x'"},
      {"train.epochs=", "'train.epochs' must be a whole number in [1, 1000000]; got nothing"},
      {"train.epochs", "an override must read key=value, a.b=value or ~a.b"},
      {"=3", "an override must read key=value"},
      {"train..epochs=3", "an override must read key=value"},
      {"a.b.c.d.e.f.g.h.i=3", "an override must read key=value"},
      {"", "an override must read key=value"},
      {"~train.epochs", "there is no key 'train.epochs' to delete"},
      {"data.type.x=3", "'x' cannot be set inside a value"},
      {"train={epochs: 0}", "'train.epochs' must be a whole number"},
      {"train.epochs=*a", "malformed YAML: "},
      {"data.augment=[flop]", "unknown component 'flop' in 'data.augment'"},
  };
  for (const auto& [argument, message] : cases) {
    CAPTURE(argument);
    const auto errors = errors_of(kMinimal, {argument});
    REQUIRE(errors.size() == 1);
    const std::string expected = "argument '" + argument + "': " + message;
    CHECK(errors.front().substr(0, expected.size()) == expected);
  }
}

TEST_CASE("all mistakes are reported at once, in the order of the file") {
  const std::string text =
      "data: {type: glyphs, batch_size: 0}\nmodel: {type: lenett}\ntrain: {epochs: x}\n";
  const auto errors = errors_of(text, {"run.sed=3"});
  REQUIRE(errors.size() == 4);
  CHECK(errors[0].starts_with("c.yaml:1:34: 'data.batch_size'"));
  CHECK(errors[1].starts_with("c.yaml:2:15: 'model.type'"));
  CHECK(errors[2].starts_with("c.yaml:3:17: 'train.epochs'"));
  CHECK(errors[3] == "argument 'run.sed=3': unknown key 'run.sed' - did you mean 'run.seed'?");
  try {
    parse_config(text, "c.yaml", {"run.sed=3"});
    FAIL("must throw");
  } catch (const std::invalid_argument& error) {
    CHECK(std::string(error.what()).ends_with("'run.seed'?\n(4 errors, nothing run)"));
  }
}

TEST_CASE("no prefix and no flipped byte of a config crashes the parser") {
  const std::string text =
      "data: {type: glyphs, augment: [{crop: {pad: 4}}, flip]}\n"
      "model: {type: sequential, layers: [{residual: [relu, {conv: {out: 3}}]}]}\n"
      "run: {dir: \"${X:y}\"}\nprune: {include: [\"a|b\"], schedule: {stages: 2}}\n";
  for (size_t i = 0; i < text.size(); ++i) {
    CHECK_NOTHROW(errors_of(text.substr(0, i)));
    for (const int bit : {1, 16, 128}) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      CHECK_NOTHROW(errors_of(flipped));
    }
  }
}

TEST_CASE("files that cannot be read are refused") {
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      load_config(path);
    } catch (const ConfigError& error) {
      return error.messages().at(0);
    }
    return "";
  };
  CHECK(message("no-such.yaml") == "no-such.yaml: the config does not exist");
  CHECK(message(".") == ".: the config must be a file; got a folder");
  CHECK(message("/dev/zero").starts_with("/dev/zero"));
}

}  // namespace
}  // namespace tessera
