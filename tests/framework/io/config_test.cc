// What a good config becomes: values, dump, overrides, environment.
#include <cstdlib>

#include "tests/framework/io/config_testing.h"

namespace tessera {
namespace {

using testing::errors_of;
using testing::kMinimal;

constexpr const char* kFull = R"(
run:        {name: cifar10, seed: 18446744073709551615, device: cpu, threads: 2, precision: fp32}
data:       {type: cifar10, root: "x y/z", batch_size: 64, workers: 0, validation: 0, train_samples: all,
             test_samples: 500, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.25],
             augment: [{crop: {pad: 4}}, flip, {random_erasing: 0.25}]}
model:      {type: sequential, num_classes: 10, layers: [{conv: {out: 8, bias: false}}, {residual: [relu, {conv: 8}]},
             {max_pool: 2}, flatten, linear]}
optimizer:  {type: adamw, lr: 1.0e-3, weight_decay: 5e-4, betas: [0.8, 0.99], decay_norms_and_biases: false}
scheduler:  {type: step, warmup: 500st, every: 1.5ep, gamma: 0.5}
train:      {epochs: 3, label_smoothing: 0.1, clip_norm: none, ema: 0.99}
prune:      {sparsity: 0.6, include: ["features\\.", 'x"y'], schedule: {type: list, sparsities: [0.3, 0.6]},
             fine_tune: {lr: 1.0e-3}}
)";

TEST_CASE("a config fills the struct") {
  const Config config = parse_config(kFull, "c.yaml");
  CHECK(config.run.seed == UINT64_MAX);
  CHECK(config.run.threads == 2);
  CHECK(config.data.root == "x y/z");
  CHECK(config.data.train_samples == 0);
  CHECK(config.data.test_samples == 500);
  CHECK(config.data.mean == std::vector<double>{0.5, 0.4, 0.3});
  REQUIRE(config.data.augment.size() == 3);
  CHECK(config.data.augment[0].arguments.at("pad") == 4);
  CHECK(config.data.augment[1].type == "flip");
  CHECK(config.data.augment[2].arguments.at("p") == 0.25);
  CHECK(config.model.layers[0].arguments.at("bias") == 0);
  REQUIRE(config.model.layers[1].children.size() == 2);
  CHECK(config.model.layers[1].children[1].arguments.at("out") == 8);
  CHECK(config.optimizer.lr == 1e-3);
  CHECK(config.optimizer.betas == std::vector<double>{0.8, 0.99});
  CHECK(config.optimizer.decay_norms_and_biases == false);
  CHECK(config.scheduler.warmup.count == 500);
  CHECK(config.scheduler.warmup.unit == Duration::Unit::steps);
  CHECK(config.scheduler.every.count == 1.5);
  CHECK(config.train.clip_norm == 0);
  CHECK(config.has_prune);
  CHECK(config.prune.include == std::vector<std::string>{"features\\.", "x\"y"});
  CHECK(config.prune.schedule.sparsities == std::vector<double>{0.3, 0.6});
  CHECK(config.export_.dtype == "f32");
}

TEST_CASE("keys that are not given keep the struct's defaults") {
  const Config config = parse_config(kMinimal, "c.yaml");
  CHECK(config.run.seed == Config().run.seed);
  CHECK(config.optimizer.betas == Config().optimizer.betas);
  CHECK_FALSE(config.has_prune);
}

TEST_CASE("windows of pruning are epochs, with or without a unit, or steps") {
  struct Case {
    const char *text, *dumped;
    double count;
    Duration::Unit unit;
  };
  for (const Case& c : {Case{"3", "3ep", 3, Duration::Unit::epochs},
                        Case{"0.5", "0.5ep", 0.5, Duration::Unit::epochs},
                        Case{"2ep", "2ep", 2, Duration::Unit::epochs},
                        Case{"500st", "500st", 500, Duration::Unit::steps},
                        Case{"0", "0ep", 0, Duration::Unit::epochs}})
    for (const char* path : {"prune.schedule.epochs", "prune.fine_tune.epochs"}) {
      const Config config = parse_config(kMinimal, "c.yaml", {std::string(path) + "=" + c.text});
      const Duration& read = std::string(path) == "prune.schedule.epochs"
                                 ? config.prune.schedule.epochs
                                 : config.prune.fine_tune.epochs;
      CHECK(read.count == c.count);
      CHECK(read.unit == c.unit);
      CHECK(dump_config(config).find(std::string("epochs: ") + c.dumped + "\n") !=
            std::string::npos);
    }
}

TEST_CASE("fine-tuning inherits what is not given from the optimizer") {
  const std::string text =
      std::string(kMinimal) +
      "optimizer: {type: adamw, lr: 0.5, weight_decay: 0.25, betas: [0.5, 0.5]}\n"
      "scheduler: {type: step}\nprune: {fine_tune: {lr: 0.125, optimizer: ";
  FineTuneConfig read = parse_config(text + "{weight_decay: 0}}}", "c").prune.fine_tune;
  CHECK(read.optimizer.type == "adamw");
  CHECK(read.optimizer.betas == std::vector<double>{0.5, 0.5});
  CHECK(read.optimizer.weight_decay == 0);
  CHECK(read.scheduler.type == "cosine");
  CHECK(read.lr == 0.125);
  read = parse_config(text + "{type: sgd, momentum: 0.5}, scheduler: {type: polynomial}}}", "c")
             .prune.fine_tune;
  CHECK(read.optimizer.type == "sgd");
  CHECK(read.optimizer.momentum == 0.5);
  CHECK(read.optimizer.weight_decay == 0.25);
  CHECK(read.scheduler.type == "polynomial");
}

TEST_CASE("a dump is canonical and parses back to itself") {
  for (const char* text : {kMinimal, kFull}) {
    const std::string dump = dump_config(parse_config(text, "c.yaml"));
    CHECK(dump_config(parse_config(dump, "dump.yaml")) == dump);
  }
  const Config by_speed =
      parse_config(std::string(kMinimal) + "prune: {target_speedup: 2}", "c.yaml");
  CHECK(by_speed.prune.sparsity == 0);
  CHECK(parse_config(dump_config(by_speed), "dump.yaml").prune.target_speedup == 2);
  CHECK(parse_config(kFull, "c.yaml",
                     {"~prune.sparsity", "~prune.schedule", "prune.target_speedup=1.5"})
            .prune.sparsity == 0);
  // The same config written in another way.
  CHECK(dump_config(parse_config("model:\n  type: \"lenet\"\ndata:\n  type: glyphs\n", "c")) ==
        dump_config(parse_config(kMinimal, "c.yaml")));
}

TEST_CASE("a dump keeps texts that look like something else") {
  for (const std::string name : {"true", "12", "1e3", "~", "a: b", "a#b", "\"q\" \\ \t\n\x01", "",
                                 "${HOME}", "$${x", "$$${x", "ü", " x ", "- a", "null"}) {
    CAPTURE(name);
    Config config = parse_config("data: {type: mnist}\nmodel: {type: lenet}", "c.yaml");
    config.data.root = name;
    CHECK(parse_config(dump_config(config), "dump").data.root == name);
  }
}

TEST_CASE("a dump keeps numbers to the last bit and writes a point into each float") {
  for (const double lr : {0.1, 1e-30, 5e-4, 1.0 / 3, 12345678.9, 1e22, 3.0}) {
    Config config = parse_config(kMinimal, "c.yaml");
    config.optimizer.lr = lr;
    CHECK(parse_config(dump_config(config), "dump").optimizer.lr == lr);
  }
  Config config = parse_config(kMinimal, "c.yaml");
  config.optimizer.weight_decay = 5e-4;
  CHECK(dump_config(config).find("weight_decay: 5.0e-4\n") != std::string::npos);
}

TEST_CASE("overrides set, replace and delete") {
  const std::vector<std::string> overrides = {
      "train.epochs=7", "data.augment=[flip]", "prune.score={type: magnitude}",
      "run.name=b",     "~scheduler.every",    "~prune.schedule"};
  const Config config = parse_config(kFull, "c.yaml", overrides);
  CHECK(config.train.epochs == 7);
  CHECK(config.data.augment.size() == 1);
  CHECK(config.prune.score.type == "magnitude");
  CHECK(config.run.name == "b");
  CHECK(config.scheduler.every.count == Config().scheduler.every.count);
  CHECK(config.prune.schedule.type == Config().prune.schedule.type);
  CHECK_FALSE(parse_config(kFull, "c.yaml", {"~prune"}).has_prune);
  CHECK(parse_config(kMinimal, "c.yaml", {"prune.sparsity=0.5"}).has_prune);
  // The later one wins.
  CHECK(parse_config(kMinimal, "c.yaml", {"train.epochs=7", "train.epochs=8"}).train.epochs == 8);
}

TEST_CASE("values read the environment") {
  ::setenv("TESSERA_TEST_BATCH", "16", 1);
  ::setenv("TESSERA_TEST_DIR", "/a b", 1);
  ::unsetenv("TESSERA_TEST_UNSET");
  const std::string text =
      "data: {type: mnist, root: \"${TESSERA_TEST_DIR}/${TESSERA_TEST_UNSET:m}\", batch_size: "
      "\"${TESSERA_TEST_BATCH:8}\", workers: \"${TESSERA_TEST_UNSET:3}\"}\n"
      "model: {type: lenet}\nrun: {dir: \"$${TESSERA_TEST_DIR}\"}\n";
  const Config config = parse_config(text, "c.yaml");
  CHECK(config.data.root == "/a b/m");
  CHECK(config.data.batch_size == 16);
  CHECK(config.data.workers == 3);
  CHECK(config.run.dir == "${TESSERA_TEST_DIR}");
  CHECK(parse_config(dump_config(config), "dump").run.dir == config.run.dir);
  CHECK(parse_config(kMinimal, "c", {"data.batch_size=${TESSERA_TEST_BATCH}"}).data.batch_size ==
        16);
  // A deleted value is not read.
  CHECK(errors_of(std::string(kMinimal) + "run: {dir: \"${TESSERA_TEST_UNSET}\"}", {"~run.dir"})
            .empty());
}

}  // namespace
}  // namespace tessera
