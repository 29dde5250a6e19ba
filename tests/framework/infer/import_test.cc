// Files of other libraries: what is read, what is refused, by name. Their numbers are tested in
// tests/golden/transformers_test.cc.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/infer/hugging_face.h"
#include "framework/infer/hugging_face_tokenizer.h"
#include "framework/infer/import_model.h"
#include "framework/infer/model_file.h"
#include "framework/io/safetensors.h"
#include "layers/models/make_model.h"
#include "tests/framework/io/io_testing.h"

using namespace std::string_literals;
using namespace tessera;
using namespace tessera::testing;

namespace {

const std::filesystem::path kBert = "tests/golden/bert", kGpt2 = "tests/golden/gpt2",
                            kVit = "tests/golden/vit";

nlohmann::json config_of(const std::filesystem::path& folder) {
  return nlohmann::json::parse(read_bytes(folder / "config.json"));
}

/// What reading the golden config says once `key` has another value.
std::string error_with(const std::filesystem::path& folder, const char* key,
                       const nlohmann::json& value) {
  nlohmann::json config = config_of(folder);
  config[key] = value;
  return error_of<std::invalid_argument>(
      [&] { read_hugging_face_config(config.dump(), "config.json"); });
}

void check_contains(const std::string& text, const char* part) {
  INFO(text);
  CHECK(contains(text, part));
}

/// A folder with the golden config, changed, and a state dict.
void write_model(const std::filesystem::path& folder, const nlohmann::json& config,
                 const TensorMap& state) {
  write_bytes(folder / "config.json", config.dump());
  write_safetensors(folder / "model.safetensors", {state, {}});
}

std::string import_error(const std::filesystem::path& path, const ImportOptions& options = {}) {
  return error_of<std::exception>([&] { import_model(path, options); });
}

TensorMap bert_state() { return read_safetensors(kBert / "model.safetensors").tensors; }

}  // namespace

TEST_CASE("a config.json gives the section model") {
  const ModelConfig bert =
      read_hugging_face_config(read_bytes(kBert / "config.json"), "config.json").model;
  CHECK(bert.type == "bert");
  CHECK(bert.head == "classification");
  CHECK(bert.hidden_size == 128);
  CHECK(bert.num_layers == 2);
  CHECK(bert.intermediate_size == 256);
  CHECK(bert.num_classes == 3);
  CHECK(bert.activation == "gelu");
  CHECK(bert.norm_eps == 1e-12);
  CHECK(bert.dropout == 0);
  const ModelConfig gpt2 =
      read_hugging_face_config(read_bytes(kGpt2 / "config.json"), "config.json").model;
  CHECK(gpt2.type == "gpt2");
  CHECK(gpt2.max_positions == 32);
  CHECK(gpt2.vocab_size == 96);
  CHECK(gpt2.activation == "gelu_tanh");
  CHECK(gpt2.tie);
}

TEST_CASE("keys that change what a model computes are refused by name") {
  struct Case {
    const std::filesystem::path& folder;
    const char* key;
    nlohmann::json value;
    const char* message;
  };
  const std::vector<Case> cases{
      {kBert, "position_embedding_type", "relative_key",
       "'position_embedding_type' in config.json must be \"absolute\""},
      {kBert, "hidden_act", "quick_gelu", "'hidden_act' in config.json must be relu, gelu"},
      {kBert, "problem_type", "regression", "must choose one of two or more classes"},
      {kBert, "is_decoder", true, "'is_decoder' in config.json must be false"},
      {kBert, "rope_theta", 10000, "the key 'rope_theta' in config.json must be one whose effect"},
      {kBert, "model_type", "roberta", "'model_type' in config.json must be bert, gpt2 or vit"},
      {kBert, "hidden_size", "wide", "'hidden_size' in config.json must be a whole number"},
      {kBert, "num_attention_heads", 3.7, "must be a whole number; got 3.7"},
      {kBert, "layer_norm_eps", 0, "'layer_norm_eps' in config.json must lie in (0, 1)"},
      {kBert, "num_labels", 7, "'num_labels' in config.json must be the number of id2label's"},
      {kBert, "hidden_size", 0, "'hidden_size' in config.json must lie in [1, "},
      {kBert, "classifier_dropout", 0.5, "'classifier_dropout' in config.json must equal"},
      {kBert, "architectures", nlohmann::json{"BertModel"}, "Choose one with --head"},
      {kBert, "vocab_size", nullptr, "must have the key 'vocab_size'"},
      {kGpt2, "architectures", nlohmann::json{"GPT2ForSequenceClassification"},
       "must be GPT2LMHeadModel or GPT2Model; got GPT2ForSequenceClassification"},
      {kGpt2, "scale_attn_by_inverse_layer_idx", true, "must be false, the one that is supported"},
      {kGpt2, "activation_function", "tanh", "'activation_function' in config.json must be"},
      {kGpt2, "embd_pdrop", 0.5, "'embd_pdrop' in config.json must equal 'resid_pdrop'"}};
  for (const Case& c : cases) check_contains(error_with(c.folder, c.key, c.value), c.message);
  CHECK(error_with(kBert, "position_embedding_type", "absolute").empty());
  CHECK(error_with(kBert, "id2label", nullptr).empty());
  CHECK(error_with(kBert, "pruned_heads", nlohmann::json::object()).empty());
  CHECK(error_with(kBert, "gradient_checkpointing", false).empty());
  check_contains(error_of<std::invalid_argument>([] { read_hugging_face_config("[1]", "c.json"); }),
                 "c.json must be a JSON object");
}

TEST_CASE("old names, missing prefixes and superfluous tensors are understood") {
  const TemporaryFolder folder;
  TensorMap old;
  for (auto& [name, tensor] : bert_state()) {
    std::string renamed = name.starts_with("bert.") ? name.substr(5) : name;
    if (const size_t at = renamed.find("LayerNorm.weight"); at != std::string::npos)
      renamed.replace(at, std::string::npos, "LayerNorm.gamma");
    if (const size_t at = renamed.find("LayerNorm.bias"); at != std::string::npos)
      renamed.replace(at, std::string::npos, "LayerNorm.beta");
    old[renamed] = tensor;
  }
  old["embeddings.position_ids"] = Tensor::zeros({1, 32}, {.dtype = DType::i64});
  write_model(folder.path(), config_of(kBert), old);
  const ImportedModel imported = import_model(folder.path());
  CHECK(imported.dropped == std::vector<std::string>{"bert.embeddings.position_ids"});
  const TensorMap want = import_model(kBert).model->state_dict();
  for (const auto& [name, tensor] : imported.model->state_dict())
    CHECK(tensor.to_vector<float>() == want.at(name).to_vector<float>());
}

TEST_CASE("a head that the files lack is drawn where it is asked for, else missed by name") {
  const TemporaryFolder folder;
  TensorMap state = bert_state();
  state.erase("classifier.weight");
  state.erase("classifier.bias");
  write_model(folder.path(), config_of(kBert), state);
  check_contains(import_error(folder.path()), "missing: classifier.weight");
  const ImportedModel imported = import_model(folder.path(), {.head = "classification"});
  CHECK(imported.drawn == std::vector<std::string>{"classifier.bias", "classifier.weight"});
  const ImportedModel masked = import_model(folder.path(), {.head = "masked_lm"});
  CHECK(masked.model->state_dict().contains("cls.predictions.bias"));
  CHECK(std::ranges::count(masked.dropped, "bert.pooler.dense.weight") == 1);
}

TEST_CASE("a tied head must equal its embedding") {
  const TemporaryFolder folder;
  const ImportedModel gpt2 = import_model(kGpt2);
  TensorMap state = to_hugging_face(gpt2.card.model, gpt2.model->state_dict());
  state["lm_head.weight"] = state.at("transformer.wte.weight").clone();
  write_model(folder.path(), config_of(kGpt2), state);
  CHECK(import_model(folder.path()).dropped == std::vector<std::string>{"lm_head.weight"});
  state.at("lm_head.weight").data<float>()[0] += 1;
  write_model(folder.path(), config_of(kGpt2), state);
  check_contains(import_error(folder.path()),
                 "lm_head.weight must equal transformer.wte.weight, which it is tied to");
  nlohmann::json untied = config_of(kGpt2);
  untied["tie_word_embeddings"] = false;
  write_model(folder.path(), untied, state);
  CHECK(import_model(folder.path()).model->state_dict().contains("lm_head.weight"));
}

TEST_CASE("an untied masked LM computes with the bias of its decoder, as in transformers") {
  const std::filesystem::path golden = "tests/golden/bert-masked-lm";
  const TemporaryFolder folder;
  nlohmann::json config = config_of(golden);
  config["tie_word_embeddings"] = false;
  TensorMap state = read_safetensors(golden / "model.safetensors").tensors;
  const Tensor words = state.at("bert.embeddings.word_embeddings.weight");
  const Tensor bias = Tensor::full({words.dim(0)}, 0.5);
  state["cls.predictions.decoder.weight"] = words.clone();
  state["cls.predictions.decoder.bias"] = bias;
  write_model(folder.path(), config, state);
  const ImportedModel imported = import_model(folder.path());
  CHECK(imported.dropped == std::vector<std::string>{"cls.predictions.bias"});
  const TensorMap there = to_hugging_face(imported.card.model, imported.model->state_dict());
  for (const char* name : {"cls.predictions.bias", "cls.predictions.decoder.bias"})
    CHECK(there.at(name).to_vector<float>() == bias.to_vector<float>());
  state.erase("cls.predictions.decoder.bias");  // as earlier releases wrote it
  write_model(folder.path(), config, state);
  CHECK(import_model(folder.path()).dropped.empty());
}

TEST_CASE("a tied tensor may stand under its other name alone") {
  const TemporaryFolder folder;
  const ImportedModel gpt2 = import_model(kGpt2);
  TensorMap state = to_hugging_face(gpt2.card.model, gpt2.model->state_dict());
  auto head = state.extract("transformer.wte.weight");
  head.key() = "lm_head.weight";
  state.insert(std::move(head));
  write_model(folder.path(), config_of(kGpt2), state);
  const ImportedModel imported = import_model(folder.path());
  CHECK(imported.dropped.empty());
  CHECK(imported.model->state_dict().at("transformer.wte.weight").to_vector<float>() ==
        gpt2.model->state_dict().at("transformer.wte.weight").to_vector<float>());
}

TEST_CASE("causal masks of type BOOL, as transformers once saved them, are left out") {
  const TemporaryFolder folder;
  const std::string header =
      R"({"h.0.attn.bias":{"dtype":"BOOL","shape":[1,1,2,2],"data_offsets":[0,4]}})";
  const uint64_t length = header.size();
  write_bytes(folder / "masks.safetensors",
              std::string(reinterpret_cast<const char*>(&length), 8) + header + "\1\0\1\1"s);
  std::vector<std::string> dropped;
  const TensorMap masks = read_safetensors(folder / "masks.safetensors").tensors;
  CHECK(masks.at("h.0.attn.bias").to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 1, 1});
  CHECK(from_hugging_face(import_model(kGpt2).card.model, masks, dropped).empty());
  CHECK(dropped == std::vector<std::string>{"transformer.h.0.attn.bias"});
}

TEST_CASE("another head than the files have takes its place, whose weights are drawn") {
  const TemporaryFolder folder;
  write_model(folder.path(), config_of(kBert), bert_state());
  for (const char* head : {"masked_lm", "span"}) {
    const ImportedModel imported = import_model(folder.path(), {.head = head});
    CHECK(std::ranges::count(imported.dropped, "classifier.weight") == 1);
    CHECK_FALSE(imported.drawn.empty());
  }
  CHECK(import_model(folder.path(), {.head = "classification"}).drawn.empty());
  nlohmann::json config = config_of(kBert);
  config["architectures"] = {"BertForTokenClassification"};  // its classifier is one of tokens
  write_model(folder.path(), config, bert_state());
  CHECK(import_model(folder.path(), {.head = "classification"}).drawn ==
        std::vector<std::string>{"classifier.bias", "classifier.weight"});
}

TEST_CASE("weights that are not those of config.json are refused, with both named") {
  const TemporaryFolder folder;
  nlohmann::json config = config_of(kBert);
  config["num_hidden_layers"] = 4;
  write_model(folder.path(), config, bert_state());
  const std::string error = import_error(folder.path());
  check_contains(error, "[import] the weights must be those of the bert of");
  check_contains(error, "config.json; got: ");
  check_contains(error, "missing: bert.encoder.layer.2.");
  check_contains(error, "and 12 more");
}

TEST_CASE("weights that are not finite are refused by name") {
  const TemporaryFolder folder;
  TensorMap state = bert_state();
  Tensor weight = state.at("classifier.weight").to(DType::f32);
  weight.data<float>()[5] = std::numeric_limits<float>::infinity();
  state["classifier.weight"] = weight;
  write_model(folder.path(), config_of(kBert), state);
  check_contains(import_error(folder.path()), "must be finite; got NaN or infinity in classifier.");
}

TEST_CASE("what tokenizer_config.json says counts, or is refused") {
  const TemporaryFolder folder;
  const auto tokenizer = [&](const char* config) {
    write_bytes(folder / "tokenizer_config.json", config);
    return deserialize_tokenizer(import_model(folder.path()).card.tokenizer);
  };
  write_model(folder.path(), config_of(kBert), bert_state());
  write_bytes(folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n<s>\n</s>\ncafé\ncafe\n");
  CHECK(tokenizer(R"({"strip_accents": false})")->encode("CAFÉ") == std::vector<int32_t>{6});
  CHECK(tokenizer(R"({"do_lower_case": false, "strip_accents": true})")->encode("café") ==
        std::vector<int32_t>{7});
  const auto others = tokenizer(R"({"cls_token": "<s>", "sep_token": {"content": "</s>"}})");
  CHECK(others->special_tokens().cls == 4);
  CHECK(others->special_tokens().sep == 5);
  CHECK(tokenizer(R"({"cls_token": "[CLS]", "unk_token": "[UNK]"})")->serialize() ==
        tokenizer("{}")->serialize());
  for (const auto* const config : {R"({"cls_token": "<s>", "strip_accents": false})", "{}"}) {
    const std::string one = tokenizer(config)->serialize();
    CHECK(write_hugging_face_tokenizer(one, folder / "out").size() == 2);
    CHECK(read_hugging_face_tokenizer(folder / "out", import_model(kBert).card.model) == one);
  }
  const std::filesystem::path golden = "tests/golden/tokenizers";
  const auto bpe = make_tokenizer(
      {.type = "bpe", .files = {golden / "bpe-vocab.json", golden / "bpe-merges.txt"}});
  CHECK(write_hugging_face_tokenizer(bpe->serialize(), folder / "bpe").size() == 3);
  ModelConfig gpt2;
  gpt2.type = "gpt2";
  gpt2.vocab_size = bpe->size();
  CHECK(read_hugging_face_tokenizer(folder / "bpe", gpt2) == bpe->serialize());
  const auto words = make_tokenizer(TokenizerData{.type = "words", .tokens = {"<unk>", "a"}});
  CHECK(write_hugging_face_tokenizer(words->serialize(), folder / "none").empty());
  CHECK_FALSE(std::filesystem::exists(folder / "none"));
  write_bytes(folder / "tokenizer_config.json", R"({"tokenize_chinese_chars": false})");
  check_contains(import_error(folder.path()), "'tokenize_chinese_chars' in");
  std::filesystem::remove(folder / "tokenizer_config.json");
  write_bytes(folder / "vocab.txt", "[PAD]\n[UNK]\ncafé\n");
  check_contains(import_error(folder.path()), "must hold [CLS] and [SEP]");
}

TEST_CASE("shards must be what their index says") {
  const TemporaryFolder folder;
  const auto index = nlohmann::json::parse(read_bytes(kGpt2 / "model.safetensors.index.json"));
  const auto copy = [&](const std::string& name) {
    std::filesystem::copy_file(kGpt2 / name, folder / name,
                               std::filesystem::copy_options::overwrite_existing);
  };
  copy("config.json");
  for (const auto& [tensor, file] : index["weight_map"].items()) copy(file.get<std::string>());
  const auto error_of_index = [&](const nlohmann::json& changed) {
    write_bytes(folder / "model.safetensors.index.json", changed.dump());
    return import_error(folder.path());
  };
  CHECK(error_of_index(index).empty());
  nlohmann::json changed = index;
  changed["weight_map"]["transformer.wte.weight"] = "../secret.safetensors";
  check_contains(error_of_index(changed), "must be a name in the same folder");
  changed = index;
  changed["weight_map"].erase("transformer.wte.weight");
  check_contains(error_of_index(changed), "holds transformer.wte.weight, which");
  changed = index;
  changed["weight_map"]["extra"] = changed["weight_map"]["transformer.wte.weight"];
  check_contains(error_of_index(changed), "must hold extra, as");
  check_contains(error_of_index(nlohmann::json::array()), "must have a weight_map");
}

TEST_CASE("a state dict of torchvision says which network it is") {
  const TemporaryFolder folder;
  ModelConfig config;
  config.type = "resnet18";
  config.head = "imagenet";
  const auto model =
      make_model(config, {.channels = 3, .height = 224, .width = 224, .classes = 7}, 1);
  write_safetensors(folder / "resnet.safetensors", {model->state_dict(), {}});
  const ImportedModel imported = import_model(folder / "resnet.safetensors");
  CHECK(imported.card.model.type == "resnet18");
  CHECK(imported.card.model.num_classes == 7);
  CHECK(imported.card.height == 224);
  CHECK(imported.card.mean.size() == 3);
  const auto fc = [](const Module& from) {
    return from.state_dict().at("fc.weight").to_vector<float>();
  };
  CHECK(fc(*imported.model) == fc(*model));
  const auto type_of = [](std::vector<std::pair<std::string, Shape>> tensors) {
    TensorMap state;
    for (const auto& [name, shape] : tensors) state[name] = Tensor::zeros(shape);
    return torchvision_config(state).type;
  };
  std::vector<std::pair<std::string, Shape>> vgg{{"classifier.6.weight", {10, 4096}},
                                                 {"features.1.running_mean", {64}}};
  for (int i = 0; i < 13; ++i)
    vgg.push_back({"features." + std::to_string(3 * i) + ".weight", {4, 3, 3, 3}});
  CHECK(type_of(vgg) == "vgg16_bn");
  CHECK(type_of({{"fc.weight", {10, 8}},
                 {"conv1.weight", {4, 3, 7, 7}},
                 {"layer3.5.conv1.weight", {4, 4, 3, 3}}}) == "resnet34");
  check_contains(import_error(kBert / "expected.safetensors", {.config = "nowhere.json"}),
                 "nowhere.json");
}

TEST_CASE("what is no model is refused") {
  const TemporaryFolder folder;
  check_contains(import_error(folder / "nothing"), "must be a folder or a file");
  check_contains(import_error(folder.path()), "must hold model.safetensors or");
  write_safetensors(folder / "other.safetensors", {{{"x", Tensor::zeros({2})}}, {}});
  check_contains(import_error(folder / "other.safetensors"),
                 "must be of torchvision's VGG-11 to -19 or ResNet-18, -34 or -50; got 1 tensors");
}

TEST_CASE("a written config.json is read as the same model") {
  for (const auto& folder : {kBert, kGpt2, kVit}) {
    const HuggingFaceConfig first =
        read_hugging_face_config(read_bytes(folder / "config.json"), "a");
    const std::string text = write_hugging_face_config(first.model, first.class_names, "float32");
    const HuggingFaceConfig again = read_hugging_face_config(text, "b");
    CHECK(write_hugging_face_config(again.model, again.class_names, "float32") == text);
    CHECK(again.model.norm_eps == first.model.norm_eps);
    CHECK(again.model.activation == first.model.activation);
    CHECK(again.class_names == first.class_names);
  }
}

TEST_CASE("a gpt2 that transformers does not know: no config.json, a dense file of its own names") {
  const TemporaryFolder folder;
  ModelCard card;
  ModelConfig& model = card.model;
  model = import_model(kGpt2).card.model;
  for (const auto& [key, value] :
       {std::pair{&model.norm_type, "rms"}, std::pair{&model.positions, "rotary"},
        std::pair{&model.activation, "swiglu"}}) {
    const std::string before = std::exchange(*key, value);
    CHECK_FALSE(has_hugging_face_form(model));
    const auto error =
        error_of<std::invalid_argument>([&] { write_hugging_face_config(model, {}, "float32"); });
    check_contains(error, "[export] transformers must know the model");
    check_contains(error, value);
    const auto made = make_model(model, input_from(model), 1);
    write_model_file(folder / "dense", *made, card, {}, {.format = ExportFormat::dense});
    const LoadedModel loaded = load_model(read_model_file(folder / "dense"), "dense");
    const TensorMap want = made->state_dict();
    for (const auto& [name, tensor] : loaded.model->state_dict())
      CHECK(tensor.to_vector<float>() == want.at(name).to_vector<float>());
    *key = before;
  }
}

TEST_CASE("a vit comes with its images, names its classes, and may lack the head and the prefix") {
  const ImportedModel whole = import_model(kVit);
  const ModelCard& card = whole.card;
  CHECK(card.model.patch_size == 4);
  CHECK(std::array{card.channels, card.height, card.width} == std::array<int64_t, 3>{3, 12, 12});
  CHECK(card.class_names.size() == 5);
  CHECK(card.mean == std::vector<double>{0.5, 0.5, 0.5});
  CHECK(whole.dropped.empty());

  const TemporaryFolder folder;
  TensorMap bare;
  for (const auto& [name, tensor] : whole.model->state_dict())
    if (name.starts_with("vit.")) bare[name.substr(4)] = tensor;
  bare["pooler.dense.weight"] = Tensor::zeros({32, 32});
  nlohmann::json config = config_of(kVit);
  config["architectures"] = {"ViTModel"};
  write_model(folder.path(), config, bare);
  check_contains(import_error(folder.path()), "must be ViTForImageClassification");
  check_contains(import_error(folder.path(), {.head = "span"}), "--head of a vit must be");
  write_bytes(folder / "preprocessor_config.json",
              R"({"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3], "do_normalize": true})");
  const ImportedModel imported = import_model(folder.path(), {.head = "classification"});
  CHECK(imported.card.mean == std::vector<double>{0.1, 0.2, 0.3});
  CHECK(imported.card.std == std::vector<double>{1, 2, 3});
  CHECK(imported.drawn == std::vector<std::string>{"classifier.bias", "classifier.weight"});
  CHECK(imported.dropped == std::vector<std::string>{"vit.pooler.dense.weight"});

  for (const auto& [text, error] :
       {std::pair{"[]", "preprocessor_config.json must be a JSON object"},
        {R"({"image_mean": [0.5]})", "must have 3 values; got 1 and 3"},
        {R"({"image_mean": "half"})", "must hold an image processor"},
        {R"({"rescale_factor": 1})", "must scale pixels by 1/255"}}) {
    write_bytes(folder / "preprocessor_config.json", text);
    check_contains(import_error(folder.path(), {.head = "classification"}), error);
  }
  write_bytes(folder / "preprocessor_config.json", R"({"do_normalize": false})");
  CHECK(import_model(folder.path(), {.head = "classification"}).card.mean.empty());
  check_contains(error_with(kVit, "qkv_bias", false), "'qkv_bias' in config.json must be true");
}

TEST_CASE("vocabulary files beside a model go into its card") {
  const TemporaryFolder folder;
  const auto tokenizer = [&] {
    return deserialize_tokenizer(import_model(folder.path()).card.tokenizer);
  };
  write_model(folder.path(), config_of(kBert), bert_state());
  CHECK(import_model(folder.path()).card.tokenizer.empty());
  write_bytes(folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\nCat\n");
  CHECK(tokenizer()->encode("The Cat") == std::vector<int32_t>{4, 5});
  write_bytes(folder / "tokenizer_config.json", R"({"do_lower_case": false})");
  CHECK(tokenizer()->encode("the Cat") == std::vector<int32_t>{4, 6});
  write_bytes(folder / "tokenizer_config.json", "[]");
  check_contains(import_error(folder.path()), "tokenizer_config.json must be a JSON object");
  std::filesystem::remove(folder / "tokenizer_config.json");
  std::string many = "[UNK]\n";
  for (int i = 0; i < 96; ++i) many += "w" + std::to_string(i) + "\n";
  write_bytes(folder / "vocab.txt", many);
  check_contains(import_error(folder.path()), "at most the 96 tokens of its model; got 97");

  const ImportedModel gpt2 = import_model(kGpt2);
  write_model(folder.path(), config_of(kGpt2),
              to_hugging_face(gpt2.card.model, gpt2.model->state_dict()));
  write_bytes(folder / "vocab.json", R"({"<|endoftext|>": 0, "a": 1})");
  write_bytes(folder / "merges.txt", "");
  check_contains(import_error(folder.path()), "must hold the symbols of all 256 bytes");
}
