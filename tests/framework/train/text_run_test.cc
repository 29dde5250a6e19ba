// Models of language from a config to a summary, in seconds.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "framework/backend/cpu.h"
#include "framework/core/choose_device.h"
#include "framework/core/random.h"
#include "framework/generate/text_model.h"
#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "framework/train/sensitivity.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

namespace fs = std::filesystem;

Config config_of(const fs::path& folder, const std::string& sections) {
  const std::string common =
      "run: {name: tiny, threads: 1, dir: " + (folder / "runs/tiny").string() +
      "}\noptimizer: {type: adamw, lr: 5.0e-3}\n"
      "prune: {pattern: tw, granularity: 8, sparsity: 0.5, score: {type: taylor, batches: 4},\n"
      "  schedule: {type: one_shot}, fine_tune: {epochs: 1, lr: 2.0e-3}}\n";
  return parse_config(common + sections, "tiny.yaml");
}

nlohmann::json run(const Config& config) {
  run_command(Command::run, config, {.overwrite = true});
  std::ifstream file(fs::path(config.run.dir) / "summary.json");
  return nlohmann::json::parse(file);
}

/// What every text run promises.
void check_summary(const nlohmann::json& summary) {
  CHECK(summary.at("sparsity").get<double>() == doctest::Approx(0.5).epsilon(0.05));
  if (choose_device("auto").device.is_cpu()) {  // where texts have sparse plans
    CHECK(summary.at("speedup").get<double>() > 0);
    CHECK(summary.at("sparse_ms").get<double>() > 0);
    CHECK(summary.at("max_abs_diff").get<double>() < 1e-4);
  } else {
    CHECK(summary.at("speedup").is_null());
  }
  CHECK(summary.contains("dense_loss"));
  CHECK(summary.contains("sparse_loss"));
}

/// The model file alone: it evaluates to the summary's scores.
void check_model_file(const Config& config, const nlohmann::json& summary) {
  const fs::path file = fs::path(config.run.dir) / "model.safetensors";
  CHECK_FALSE(read_model_file(file).card.tokenizer.empty());
  const TaskScores scores = evaluate_file(config, file);
  const auto check = [&](const char* name, const std::optional<double>& value) {
    CAPTURE(name);
    REQUIRE(value.has_value() == summary.contains(name));
    if (value) CHECK(*value == doctest::Approx(summary.at(name).get<double>()).epsilon(1e-5));
  };
  check("sparse_loss", scores.evaluation.loss);
  check("sparse_perplexity", scores.text.perplexity);
  check("sparse_bleu", scores.text.bleu);
  check("sparse_exact_match", scores.text.exact_match);
  check("sparse_f1", scores.text.f1);
  check("sparse_matthews", scores.text.matthews);
}

/// Leaves a run's folder as if it had been stopped after a step.
void forget_after(int step, const fs::path& run_folder) {
  for (const char* file : {"summary.json", "model.safetensors"}) fs::remove(run_folder / file);
  for (const auto& entry : fs::directory_iterator(run_folder / "checkpoints")) {
    const std::string name = entry.path().filename().string();
    const size_t dash = name.find('-');
    if (name.starts_with("step-") && std::stoi(name.substr(dash + 1)) > step)
      fs::remove(entry.path());
  }
}

std::string reviews(int count, uint32_t stream) {
  const char* const words[2][3] = {{"dull", "bad", "poor"}, {"fine", "good", "great"}};
  RandomSequence random({.seed = 1, .stream = stream});
  std::string table = "sentence\tlabel\n";
  for (int i = 0; i < count; ++i) {
    const uint32_t label = random.below(2);
    for (uint32_t n = random.below(6); n > 0; --n) table += "the film is ";
    table += words[label][random.below(3)] + std::string("\t") + (label == 1 ? "1" : "0") + "\n";
  }
  return table;
}

}  // namespace

TEST_CASE("a tiny BERT learns to classify, is pruned, exported and evaluated") {
  const TemporaryFolder folder;
  testing::write_bytes(folder.path() / "train.tsv", reviews(240, 1));
  testing::write_bytes(folder.path() / "dev.tsv", reviews(60, 2));
  testing::write_bytes(folder.path() / "test.tsv", reviews(60, 3));
  const Config config = config_of(
      folder.path(), "data: {type: sst2, root: " + folder.path().string() +
                         ", batch_tokens: 256, max_length: 24, tokenizer: {type: words}}\n"
                         "model: {type: bert, hidden_size: 32, num_layers: 1, num_heads: 2}\n"
                         "train: {epochs: 3}\n");
  const auto summary = run(config);
  check_summary(summary);
  CHECK(summary.at("sparse_accuracy").get<double>() > 0.9);
  CHECK(summary.at("sparse_f1").get<double>() > 0.9);
  CHECK(summary.at("sparse_matthews").get<double>() > 0.8);
  check_model_file(config, summary);
}

TEST_CASE("a tiny GPT learns to go on, is pruned, exported and evaluated") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 400; ++i) text += i % 2 == 0 ? "to be or not\n" : "to sleep no more\n";
  testing::write_bytes(folder.path() / "input.txt", text);
  const Config config = config_of(
      folder.path(), "data: {type: text, root: " + folder.path().string() +
                         ", batch_size: 8, sequence: 32, tokenizer: {type: characters}}\n"
                         "model: {type: gpt2, hidden_size: 32, num_layers: 1, num_heads: 2}\n"
                         "train: {epochs: 4}\n");
  const auto summary = run(config);
  check_summary(summary);
  // The two lines take turns: what follows is certain but for the first letters of a window.
  CHECK(summary.at("dense_loss").get<double>() < 1);
  check_model_file(config, summary);
  CHECK(fs::exists(folder.path() / "runs/token-cache"));

  // Layers of a model of tokens are judged by their loss, which rises where accuracy would fall.
  const fs::path dense = fs::path(config.run.dir) / "dense.safetensors";
  const SensitivityOptions options{.from = dense, .sparsities = {0, 0.75}, .max_drop = 1e-3};
  const Sensitivity scan = scan_sensitivity(config, options);
  CHECK(scan.metric == Metric::loss);
  bool is_costly = false;
  for (const LayerSensitivity& layer : scan.layers) {
    CHECK(layer.scores[0] == scan.score);
    CHECK(layer.suggests_exclusion == (layer.scores[1] - scan.score > 1e-3));
    is_costly = is_costly || layer.suggests_exclusion;
  }
  CHECK(is_costly);
  const std::string table = sensitivity_table(scan, options);
  CHECK(table.starts_with("validation loss " + shown(Metric::loss, scan.score)));
  CHECK(table.find("adds more than 0.001 nats") != table.npos);

  // On the CPU no file is judged in bf16, and none leaves the products so.
  if (!cpu().why_no_bf16_products().empty()) return;
  Config plain = config;
  plain.run.device = "cpu";
  Config rounded = plain;
  rounded.run.precision = "bf16";
  const fs::path file = fs::path(config.run.dir) / "model.safetensors";
  CHECK(evaluate_file(rounded, file).evaluation.loss == evaluate_file(plain, file).evaluation.loss);
  CHECK_FALSE(cpu().bf16_products());
}

TEST_CASE("a run that stops early names what it watches") {
  const TemporaryFolder folder;
  testing::write_bytes(folder.path() / "input.txt", std::string(3000, 'a'));
  const Config config = config_of(
      folder.path(), "data: {type: text, root: " + folder.path().string() +
                         ", batch_size: 4, sequence: 16, tokenizer: {type: characters}}\n"
                         "model: {type: gpt2, hidden_size: 16, num_layers: 1, num_heads: 1}\n"
                         "train: {epochs: 1}\n");
  Config stopping = config;
  stopping.prune.fine_tune.epochs = {3};
  stopping.prune.fine_tune.early_stop = {.patience = 1, .min_delta = 0.9};
  std::ostringstream out;
  std::streambuf* const before = std::cout.rdbuf(out.rdbuf());
  run(stopping);
  std::cout.rdbuf(before);
  CHECK(out.str().find("stops early: validation loss has not fallen for 1 epochs") !=
        std::string::npos);
}

TEST_CASE("whole heads of a tiny BERT and a tiny GPT go, in every weight that they live in") {
  const TemporaryFolder folder;
  testing::write_bytes(folder.path() / "train.tsv", reviews(240, 1));
  testing::write_bytes(folder.path() / "dev.tsv", reviews(60, 2));
  testing::write_bytes(folder.path() / "test.tsv", reviews(60, 3));
  std::string text;
  for (int i = 0; i < 200; ++i) text += i % 2 == 0 ? "to be or not\n" : "to sleep no more\n";
  testing::write_bytes(folder.path() / "input.txt", text);
  const std::string root = folder.path().string(),
                    shape = "hidden_size: 32, num_layers: 2, num_heads: 4}\ntrain: {epochs: 1}\n";
  const struct {
    std::string sections, attention, packed;
    size_t weights;
  } cases[] = {{"data: {type: sst2, root: " + root +
                    ", batch_tokens: 256, max_length: 24, tokenizer: {type: words}}\n"
                    "model: {type: bert, " +
                    shape,
                "bert.encoder.layer.0.attention.output.dense.weight",
                "bert.encoder.layer.0.attention.self.value.weight", 8},
               {"data: {type: text, root: " + root +
                    ", batch_size: 8, sequence: 32, tokenizer: {type: characters}}\n"
                    "model: {type: gpt2, " +
                    shape,
                "transformer.h.0.attn.c_proj.weight", "transformer.h.0.attn.c_attn.weight", 4}};
  for (const auto& [sections, attention, packed, weights] : cases) {
    const Config config = parse_config(
        "run: {threads: 1, dir: " + (folder.path() / "run").string() +
            "}\nprune: {pattern: units, units: heads, sparsity: 0.5, score: {batches: 4},\n"
            "  schedule: {type: linear, stages: 2, epochs: 0.5}, fine_tune: {epochs: 0.5}}\n" +
            sections,
        "heads.yaml");
    check_summary(run(config));
    const fs::path path = fs::path(config.run.dir) / "model.safetensors";
    const Masks masks = load_model(read_model_file(path), path).masks;
    CHECK(masks.size() == weights);
    CHECK(sparsity(masks) == 0.5);
    // Half of the eight heads, of 8 inputs of the output's weight and 8 outputs of the others each.
    const Tensor inputs = masks.of(attention), outputs = masks.of(packed);
    for (int64_t head = 0; head < 4; ++head) {
      const int64_t rows = outputs.dim(0), value = rows - 32 + 8 * head;
      const uint8_t kept = inputs.data<uint8_t>()[8 * head];
      for (int64_t i = 0; i < 32; ++i)
        for (int64_t d = 0; d < 8; ++d) {
          CHECK(inputs.data<uint8_t>()[i * 32 + 8 * head + d] == kept);
          CHECK(outputs.data<uint8_t>()[(value + d) * 32 + i] == kept);
        }
    }
  }
}

TEST_CASE("a tiny BERT learns hidden tokens, is pruned, exported, evaluated, and resumes exactly") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 150; ++i) text += i % 2 == 0 ? "to be or not to be\n" : "we sleep no more\n";
  testing::write_bytes(folder.path() / "train.txt", text);
  const std::string sections =
      "data: {type: masked_text, root: " + folder.path().string() +
      ", batch_size: 8, max_length: 16, tokenizer: {min_count: 1}}\n"
      "model: {type: bert, head: masked_lm, hidden_size: 32, num_layers: 1, num_heads: 2}\n"
      "train: {epochs: 6}\ncheckpoint: {every: 8st, keep: 100}\n";
  const Config config = config_of(folder.path(), sections);
  const auto summary = run(config);
  check_summary(summary);
  CHECK(summary.at("dense_perplexity").get<double>() ==
        doctest::Approx(std::exp(summary.at("dense_loss").get<double>())));
  CHECK(summary.at("dense_perplexity").get<double>() < 3);  // of about 30 tokens
  CHECK(summary.at("dense_accuracy").get<double>() > 0.6);
  check_model_file(config, summary);

  const fs::path model = fs::path(config.run.dir) / "model.safetensors";
  const std::string wanted = read_bytes(model);
  forget_after(24, config.run.dir);
  run_command(Command::run, config, {.resume = true});
  CHECK(read_bytes(model) == wanted);

  // As many tokens, samples and batches, but other ones: the weights would mean something else.
  forget_after(24, config.run.dir);
  const auto checkpoint = fs::path(config.run.dir) / "checkpoints/step-000000024.safetensors";
  std::ranges::replace(text, 'm', 'x');
  testing::write_bytes(folder.path() / "train.txt", text);
  CHECK_THROWS_WITH_AS(run_command(Command::run, config, {.resume = true}),
                       doctest::Contains("the vocabulary that it was begun with; was 135 training"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(
      run_command(Command::train, config, {.overwrite = true, .from = checkpoint.string()}),
      doctest::Contains("with the vocabulary of these data"), std::invalid_argument);
  CHECK(fs::exists(checkpoint));
}

TEST_CASE("in bf16 on a CPU a tiny GPT learns what it does in fp32, and resumes exactly") {
  if (const std::string why_not = cpu().why_no_bf16_products(); !why_not.empty()) {
    MESSAGE("skipped: no products in bf16: ", why_not);
    return;
  }
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 150; ++i) text += i % 2 == 0 ? "to be or not to be\n" : "we sleep no more\n";
  testing::write_bytes(folder.path() / "input.txt", text);
  const auto trained = [&](const std::string& precision) {
    Config config = config_of(
        folder.path(), "data: {type: text, root: " + folder.path().string() +
                           ", sequence: 32, batch_size: 8, tokenizer: {type: characters}}\n"
                           "model: {type: gpt2, hidden_size: 32, num_layers: 2, num_heads: 2}\n"
                           "train: {epochs: 4}\ncheckpoint: {every: 8st, keep: 100}\n");
    config.run.device = "cpu";
    config.run.precision = precision;
    config.run.dir += "-" + precision;
    run_command(Command::train, config, {.overwrite = true});
    return config;
  };
  const auto loss_of = [](const Config& config) {
    std::ifstream file(fs::path(config.run.dir) / "summary.json");
    return nlohmann::json::parse(file).at("dense_loss").get<double>();
  };
  const double exact = loss_of(trained("fp32"));
  const Config config = trained("bf16");
  CHECK(exact < 1);  // it starts from log(16), about 2.8
  CHECK(loss_of(config) == doctest::Approx(exact).epsilon(0.05));  // 8 bits of significand
  CHECK(loss_of(config) != exact);

  const fs::path model = fs::path(config.run.dir) / "model.safetensors";
  const std::string wanted = read_bytes(model);
  forget_after(16, config.run.dir);
  run_command(Command::train, config, {.resume = true});
  CHECK(read_bytes(model) == wanted);
  cpu().set_bf16_products(false);
}

TEST_CASE("a tiny BERT learns to find answers, judged by exact match and F1 after each epoch") {
  const TemporaryFolder folder;
  const auto squad = [&](const char* name, int count, uint32_t stream) {
    const char* const places[] = {"rome", "paris", "berlin", "madrid"};
    RandomSequence random({.seed = 6, .stream = stream});
    nlohmann::json paragraphs = nlohmann::json::array();
    for (int i = 0; i < count; ++i) {
      std::string context;
      for (uint32_t n = random.below(4); n > 0; --n) context += "he walks ";
      const int64_t start = std::ssize(context) + 9;
      const std::string place = places[random.below(4)];
      context += "we go to " + place + " .";
      paragraphs.push_back({{"context", context},
                            {"qas",
                             {{{"id", std::to_string(i)},
                               {"question", "where ?"},
                               {"answers", {{{"text", place}, {"answer_start", start}}}}}}}});
    }
    const nlohmann::json file = {{"version", "1.1"},
                                 {"data", {{{"title", "t"}, {"paragraphs", paragraphs}}}}};
    testing::write_bytes(folder.path() / name, file.dump());
  };
  squad("train-v1.1.json", 200, 1);
  squad("dev-v1.1.json", 30, 2);
  const Config config = config_of(
      folder.path(), "data: {type: squad, root: " + folder.path().string() +
                         ", batch_size: 8, max_length: 16, max_question_length: 4, doc_stride: 4,\n"
                         "  tokenizer: {min_count: 1}}\n"
                         "model: {type: bert, head: span, hidden_size: 32, num_layers: 1,\n"
                         "  num_heads: 2, max_positions: 16}\ntrain: {epochs: 4}\n");
  const auto summary = run(config);
  CHECK(summary.at("dense_exact_match").get<double>() > 0.8);
  CHECK(summary.at("dense_f1").get<double>() >= summary.at("dense_exact_match").get<double>());
  CHECK(summary.contains("sparse_exact_match"));
  const std::string metrics = read_bytes(fs::path(config.run.dir) / "metrics.jsonl");
  CHECK(metrics.find("\"exact_match\":") != std::string::npos);
  check_model_file(config, summary);

  const Config other = config_of(
      folder.path(), "data: {type: squad, root: " + folder.path().string() +
                         ", max_length: 32, max_question_length: 4}\nmodel: {type: bert}\n");
  CHECK_THROWS_WITH_AS(run(other), doctest::Contains("must train bert with model.head span"),
                       std::invalid_argument);
}

namespace {

/// Questions of SQuAD 2.0's kind: "who", "where" and "when" of facts; many say nothing of "when",
/// and some answers are of two words.
std::string facts(int count, uint32_t stream) {
  const char* const names[] = {"anna", "bob", "carl", "dora"};
  const char* const places[] = {"rome", "new york", "paris", "san remo"};
  const char* const years[] = {"1990", "1991", "2004", "2020"};
  RandomSequence random({.seed = 8, .stream = stream});
  nlohmann::json paragraphs = nlohmann::json::array();
  for (int i = 0; i < count; ++i) {
    std::string context;
    for (uint32_t n = random.below(3); n > 0; --n) context += "they say ";
    nlohmann::json questions = nlohmann::json::array();
    const auto add = [&](const char* before, const std::string& answer, const char* question) {
      context += before;
      questions.push_back(
          {{"id", concat(i, question)},
           {"question", question},
           {"answers", {{{"text", answer}, {"answer_start", std::ssize(context)}}}}});
      context += answer;
    };
    add("", names[random.below(4)], "who?");
    add(" lives in ", places[random.below(4)], "where?");
    if (random.below(2) == 0)
      add(" since ", years[random.below(4)], "when?");
    else
      questions.push_back({{"id", concat(i, "when")},
                           {"question", "when?"},
                           {"answers", nlohmann::json::array()},
                           {"is_impossible", true}});
    context += ".";
    paragraphs.push_back({{"context", context}, {"qas", questions}});
  }
  return nlohmann::json{{"version", "v2.0"},
                        {"data", {{{"title", "t"}, {"paragraphs", paragraphs}}}}}
      .dump();
}

}  // namespace

TEST_CASE("a tiny BERT learns which questions have no answer, and infer gives none") {
  const TemporaryFolder folder;
  testing::write_bytes(folder.path() / "train-v1.1.json", facts(150, 1));
  testing::write_bytes(folder.path() / "dev-v1.1.json", facts(40, 2));
  const Config config = config_of(
      folder.path(), "data: {type: squad, root: " + folder.path().string() +
                         ", batch_size: 16, max_length: 16, max_question_length: 4, doc_stride: 4,"
                         "\n  tokenizer: {min_count: 1}}\n"
                         "model: {type: bert, head: span, hidden_size: 32, num_layers: 2,\n"
                         "  num_heads: 2, max_positions: 16}\ntrain: {epochs: 16}\n");
  const auto summary = run(config);
  CHECK(summary.at("dense_exact_match").get<double>() > 0.95);
  CHECK(summary.at("sparse_exact_match").get<double>() > 0.9);
  check_model_file(config, summary);

  const fs::path path = fs::path(config.run.dir) / "model.safetensors";
  const ModelFile file = read_model_file(path);
  CHECK(file.card.null_answers);
  const auto answers_at = [&](std::optional<double> threshold) {
    const auto model = make_text_model(file, path, {}, {.null_threshold = threshold});
    std::vector<ModelText> texts;
    for (const char* line : {"where?\tbob lives in new york.", "when?\tbob lives in new york.",
                             "when?\tbob lives in new york since 2004."})
      texts.push_back(model->read(line, "it"));
    std::vector<std::string> out;
    for (const TextAnswer& answer : model->answer(texts)) out.push_back(answer.text);
    return out;
  };
  CHECK(answers_at({}) == std::vector<std::string>{"new york", "", "2004"});
  CHECK(answers_at(-1e6) == std::vector<std::string>{"", "", ""});
  for (const std::string& text : answers_at(1e6)) CHECK_FALSE(text.empty());
}

TEST_CASE("a tiny translator learns, is pruned, and is judged by BLEU") {
  const TemporaryFolder folder;
  const char* const words[2][4] = {{"one", "two", "three", "four"},
                                   {"eins", "zwei", "drei", "vier"}};
  RandomSequence random({.seed = 4, .stream = 1});
  for (const char* const stem : {"train", "val", "test"}) {
    std::string lines[2];
    for (int i = 0; i < (stem == std::string("train") ? 300 : 40); ++i) {
      for (uint32_t n = 4 + random.below(4); n > 0; --n) {
        const uint32_t word = random.below(4);
        for (int side = 0; side < 2; ++side)
          lines[side] += words[side][word] + std::string(n > 1 ? " " : "\n");
      }
    }
    testing::write_bytes(folder.path() / (stem + std::string(".en")), lines[0]);
    testing::write_bytes(folder.path() / (stem + std::string(".de")), lines[1]);
  }
  const Config config = config_of(
      folder.path(), "data: {type: parallel_text, root: " + folder.path().string() +
                         ", batch_size: 16, max_length: 16, tokenizer: {type: words}}\n"
                         "model: {type: seq2seq, hidden_size: 32, num_layers: 1, num_heads: 2}\n"
                         "train: {epochs: 6}\n");
  const auto summary = run(config);
  check_summary(summary);
  CHECK(summary.at("dense_bleu").get<double>() > 10);
  CHECK(summary.contains("sparse_bleu"));
  check_model_file(config, summary);

  // A full stop right behind a reference's last word is a word of its own to 13a alone.
  std::string references = read_bytes(folder.path() / "test.de");
  for (size_t at = 0; (at = references.find('\n', at)) != references.npos; at += 2)
    references.insert(at, ".");
  testing::write_bytes(folder.path() / "test.de", references);
  const auto bleu_by = [&](const char* splitting) {
    Config by = config;
    by.data.bleu = splitting;
    return evaluate_file(by, fs::path(config.run.dir) / "model.safetensors").text.bleu.value();
  };
  CHECK(bleu_by("13a") > bleu_by("none") + 1);
}

TEST_CASE("text: a model and data of different tasks, and a model of another vocabulary") {
  const TemporaryFolder folder;
  testing::write_bytes(folder.path() / "input.txt", std::string(500, 'a') + std::string(500, 'b'));
  const std::string data = "data: {type: text, root: " + folder.path().string() +
                           ", batch_size: 2, sequence: 8, tokenizer: {type: characters}}\n"
                           "train: {epochs: 1}\n";
  const Config bert = config_of(folder.path(), data + "model: {type: bert}\n");
  CHECK_THROWS_WITH_AS(run(bert), doctest::Contains("data.type text must train gpt2; got bert"),
                       std::invalid_argument);
  CHECK_FALSE(fs::exists(folder.path() / "runs/tiny"));

  testing::write_bytes(folder.path() / "train.txt",
                       "a b\nb a\na b\nb a\na b\nb a\na b\nb a\na b\nb a\n");
  const Config masked =
      config_of(folder.path(), "data: {type: masked_text, root: " + folder.path().string() +
                                   ", tokenizer: {min_count: 1}}\nmodel: {type: bert}\n");
  CHECK_THROWS_WITH_AS(run(masked),
                       doctest::Contains("must train bert with model.head masked_lm; got bert"),
                       std::invalid_argument);

  const Config gpt = config_of(
      folder.path(), data + "model: {type: gpt2, hidden_size: 16, num_layers: 1, num_heads: 1}\n");
  run(gpt);
  const fs::path kept = folder.path() / "kept.safetensors";
  fs::copy_file(fs::path(gpt.run.dir) / "model.safetensors", kept);
  testing::write_bytes(folder.path() / "input.txt", std::string(500, 'a') + std::string(500, 'c'));
  CHECK_THROWS_WITH_AS(evaluate_file(gpt, kept), doctest::Contains("the tokenizer that the model"),
                       std::invalid_argument);
}
