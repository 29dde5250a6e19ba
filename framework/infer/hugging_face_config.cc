#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/core/errors.h"
#include "framework/infer/hugging_face.h"
#include "layers/models/language.h"

namespace tessera {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Keys of any model that say nothing about what it computes from ids.
const std::set<std::string> kHarmless = {
    "_name_or_path", "architectures", "model_type", "transformers_version", "torch_dtype", "dtype",
    "initializer_range", "use_cache", "pad_token_id", "bos_token_id", "eos_token_id",
    "sep_token_id", "decoder_start_token_id", "id2label", "label2id", "num_labels", "_num_labels",
    "finetuning_task", "task_specific_params", "tokenizer_class", "prefix", "return_dict",
    "output_attentions", "output_hidden_states", "output_past", "torchscript", "use_bfloat16",
    "gradient_checkpointing", "chunk_size_feed_forward", "attn_implementation",
    "_attn_implementation", "_attn_implementation_autoset", "max_length", "min_length", "do_sample",
    "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k",
    "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores",
    "return_dict_in_generate", "forced_bos_token_id", "forced_eos_token_id",
    "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens",
    "begin_suppress_tokens", "tf_legacy_loss", "cross_attention_hidden_size", "problem_type",
    // Of hiding patches, of poolers (ViT's classes have none, BERT's of TensorFlow), of GPT-2's
    // classes that are not imported:
    "encoder_stride", "pooler_act", "pooler_output_size", "directionality", "pooler_fc_size",
    "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type",
    "n_ctx", "summary_activation", "summary_first_dropout", "summary_proj_to_labels",
    "summary_type", "summary_use_proj"};

/// Keys that change what a model computes, and the only value that is supported.
const std::map<std::string, json> kFixed = {
    {"position_embedding_type", "absolute"},
    {"is_decoder", false},
    {"is_encoder_decoder", false},
    {"add_cross_attention", false},
    {"pruned_heads", json::object()},
    {"scale_attn_weights", true},
    {"scale_attn_by_inverse_layer_idx", false},
    {"reorder_and_upcast_attn", false},
    {"tie_encoder_decoder", false},
    {"qkv_bias", true},
};

std::string activation_named(const std::string& word) {
  if (word == "relu" || word == "gelu") return word;
  if (word == "gelu_python") return "gelu";
  if (word == "gelu_new" || word == "gelu_pytorch_tanh" || word == "gelu_fast") return "gelu_tanh";
  if (word == "silu" || word == "swish") return "silu";
  return "";
}

/// Reads the keys of a config.json one by one; what remains unread must be harmless.
class ConfigKeys {
 public:
  ConfigKeys(const std::string& text, const std::string& origin) : origin_(origin) {
    root_ = json::parse(text, nullptr, false);
    require(root_.is_object(), "[import] ", origin, " must be a JSON object; got something else.");
  }

  /// The key's value; its default where there is none. Throws for one of the wrong type.
  template <class T>
  T take(const char* key, std::optional<T> otherwise = {}) {
    read_.insert(key);
    const auto found = root_.find(key);
    if (found == root_.end() || found->is_null()) {
      require(otherwise.has_value(), "[import] ", origin_, " must have the key '", key,
              "'; got none.");
      return *otherwise;
    }
    const bool is_whole = found->is_number_integer();
    try {
      if (is_whole || !std::is_same_v<T, int64_t>) return found->template get<T>();
    } catch (const json::exception&) {
    }
    fail("[import] '", key, "' in ", origin_, " must be ", noun<T>(), "; got ", found->dump(), ".");
  }
  int64_t count(const char* key, std::optional<int64_t> otherwise = {}) {
    constexpr int64_t kMaxCount = 1 << 24;
    const int64_t value = take<int64_t>(key, otherwise);
    require(value >= 1 && value <= kMaxCount, "[import] '", key, "' in ", origin_,
            " must lie in [1, ", kMaxCount, "]; got ", value, ".");
    return value;
  }
  /// The dropout of several keys, which must agree: here it is one.
  double dropout(const std::vector<const char*>& keys, double otherwise = 0.1) {
    const double first = take<double>(keys[0], otherwise);
    require(first >= 0 && first < 1, "[import] '", keys[0], "' in ", origin_,
            " must lie in [0, 1); got ", first, ".");
    for (const char* key : keys)
      require(take<double>(key, first) == first, "[import] '", key, "' in ", origin_,
              " must equal '", keys[0], "'; got ", take<double>(key, first), " and ", first,
              ". Set both to the one to train with; without training they change nothing.");
    return first;
  }
  /// What is added to the variance of norms.
  double epsilon(const char* key, double otherwise) {
    const auto value = take<double>(key, otherwise);
    require(value > 0 && value < 1, "[import] '", key, "' in ", origin_,
            " must lie in (0, 1); got ", value, ".");
    return value;
  }
  /// The one model that `architectures` names; empty where it names none or several.
  std::string architecture() const {
    const json list = root_.value("architectures", json::array());
    return list.is_array() && list.size() == 1 && list[0].is_string() ? list[0].get<std::string>()
                                                                      : "";
  }
  std::string activation(const char* key, const char* otherwise) {
    const auto word = take<std::string>(key, otherwise);
    const std::string known = activation_named(word);
    require(!known.empty(), "[import] '", key, "' in ", origin_,
            " must be relu, gelu, gelu_python, gelu_new, gelu_pytorch_tanh, gelu_fast, silu or "
            "swish; got '",
            word, "'.");
    return known;
  }
  void check_the_rest() const {
    for (const auto& [key, value] : root_.items()) {
      if (read_.contains(key) || kHarmless.contains(key)) continue;
      const auto fixed = kFixed.find(key);
      require(fixed != kFixed.end(), "[import] the key '", key, "' in ", origin_,
              " must be one whose effect is known; got a value of ", value.dump(),
              ". Remove it if the model computes the same without it.");
      require(value.is_null() || value == fixed->second, "[import] '", key, "' in ", origin_,
              " must be ", fixed->second.dump(), ", the one that is supported; got ", value.dump(),
              ".");
    }
  }
  const json& root() const { return root_; }
  const std::string& origin() const { return origin_; }

 private:
  template <class T>
  static const char* noun() {
    if constexpr (std::is_same_v<T, std::string>) return "a text";
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, int64_t>) return "a whole number";
    return "a number";
  }

  json root_;
  std::string origin_;
  std::set<std::string> read_;
};

/// The heads of the models that are read whole.
const std::map<std::string, std::string> kBertHeads = {
    {"BertForSequenceClassification", "classification"},
    {"BertForMaskedLM", "masked_lm"},
    {"BertForPreTraining", "masked_lm"},
    {"BertForQuestionAnswering", "span"}};

/// Of a BERT: `asked`, or else that of the files.
void choose_head(const ConfigKeys& keys, const std::string& asked, HuggingFaceConfig& config) {
  const std::string architecture = keys.architecture();
  const auto own = kBertHeads.find(architecture);
  require(!asked.empty() || own != kBertHeads.end(), "[import] 'architectures' in ", keys.origin(),
          " must name a BERT with a head: BertForSequenceClassification, BertForMaskedLM, "
          "BertForPreTraining or BertForQuestionAnswering; got ",
          keys.root().value("architectures", json{}).dump(),
          ". Choose one with --head; its weights start at random.");
  config.model.head = asked.empty() ? own->second : asked;
  config.has_other_head =
      own != kBertHeads.end() ? own->second != config.model.head : !architecture.empty();
}

std::vector<std::string> class_names_of(const ConfigKeys& keys) {
  const json labels = keys.root().value("id2label", json::object());
  std::vector<std::string> names;
  if (!labels.is_object()) return names;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto found = labels.find(std::to_string(i));
    if (found == labels.end() || !found->is_string()) return {};
    names.push_back(found->get<std::string>());
  }
  return names;
}

/// Call after it is known which head the files have.
void add_classes(ConfigKeys& keys, HuggingFaceConfig& config) {
  config.class_names = class_names_of(keys);
  const auto named = static_cast<int64_t>(config.class_names.size());
  config.model.num_classes = keys.count("num_labels", named == 0 ? 2 : named);
  require(named == 0 || config.model.num_classes == named, "[import] 'num_labels' in ",
          keys.origin(), " must be the number of id2label's classes, ", named, "; got ",
          config.model.num_classes, ".");
  if (config.has_other_head) return;
  constexpr const char* kClasses = "single_label_classification";
  const auto problem = keys.take<std::string>("problem_type", kClasses);
  require(problem == kClasses && config.model.num_classes >= 2, "[import] the head in ",
          keys.origin(), " must choose one of two or more classes ('problem_type': \"", kClasses,
          "\"); got ", problem, " of ", config.model.num_classes,
          ". With --head span or masked_lm, or another config.json, the head starts at random.");
}

/// What BERT and ViT say alike.
void read_encoder(ConfigKeys& keys, ModelConfig& model) {
  model.hidden_size = keys.count("hidden_size", 768);
  model.num_layers = keys.count("num_hidden_layers", 12);
  model.num_heads = keys.count("num_attention_heads", 12);
  model.intermediate_size = keys.count("intermediate_size", 3072);
  model.activation = keys.activation("hidden_act", "gelu");
  model.norm_eps = keys.epsilon("layer_norm_eps", 1e-12);
}

HuggingFaceConfig read_bert(ConfigKeys& keys, const std::string& head) {
  HuggingFaceConfig out;
  ModelConfig& model = out.model;
  model.type = "bert";
  choose_head(keys, head, out);
  read_encoder(keys, model);
  model.vocab_size = keys.count("vocab_size");
  model.max_positions = keys.count("max_position_embeddings", 512);
  model.segments = keys.count("type_vocab_size", 2);
  model.dropout = keys.dropout({"hidden_dropout_prob", "classifier_dropout"});
  model.attention_dropout = keys.dropout({"attention_probs_dropout_prob"});
  model.tie = keys.take<bool>("tie_word_embeddings", true);
  if (model.head == "classification")
    add_classes(keys, out);
  else
    model.num_classes = model.head == "span" ? 2 : model.vocab_size;
  return out;
}

HuggingFaceConfig read_gpt2(ConfigKeys& keys, const std::string& head) {
  require(head.empty(), "[import] --head is for bert and vit; got a gpt2.");
  const std::string architecture = keys.architecture();
  require(architecture.empty() || architecture == "GPT2LMHeadModel" || architecture == "GPT2Model",
          "[import] 'architectures' in ", keys.origin(),
          " must be GPT2LMHeadModel or GPT2Model; got ", architecture, ", whose head is not read.");
  HuggingFaceConfig out;
  ModelConfig& model = out.model;
  model.type = "gpt2";
  model.hidden_size = keys.count("n_embd", 768);
  model.num_layers = keys.count("n_layer", 12);
  model.num_heads = keys.count("n_head", 12);
  model.intermediate_size = keys.count("n_inner", 4 * model.hidden_size);
  model.vocab_size = model.num_classes = keys.count("vocab_size");
  model.max_positions = keys.count("n_positions", 1024);
  model.activation = keys.activation("activation_function", "gelu_new");
  model.dropout = keys.dropout({"resid_pdrop", "embd_pdrop"});
  model.attention_dropout = keys.dropout({"attn_pdrop"});
  model.norm_eps = keys.epsilon("layer_norm_epsilon", 1e-5);
  model.tie = keys.take<bool>("tie_word_embeddings", true);
  return out;
}

HuggingFaceConfig read_vit(ConfigKeys& keys, const std::string& head) {
  require(head.empty() || head == "classification",
          "[import] --head of a vit must be classification; got ", head, ".");
  const std::string architecture = keys.architecture();
  HuggingFaceConfig out;
  out.has_other_head = !architecture.empty() && architecture != "ViTForImageClassification";
  require(!head.empty() || architecture == "ViTForImageClassification",
          "[import] 'architectures' in ", keys.origin(), " must be ViTForImageClassification; got ",
          keys.root().value("architectures", json{}).dump(),
          ". With --head classification its weights start at random.");
  ModelConfig& model = out.model;
  model.type = "vit";
  read_encoder(keys, model);
  model.image_size = keys.count("image_size", 224);
  model.patch_size = keys.count("patch_size", 16);
  model.in_channels = keys.count("num_channels", 3);
  model.dropout = keys.dropout({"hidden_dropout_prob"}, 0);
  model.attention_dropout = keys.dropout({"attention_probs_dropout_prob"}, 0);
  keys.take<bool>("tie_word_embeddings", true);
  add_classes(keys, out);
  return out;
}

const char* activation_there(Nonlinearity activation) {
  switch (activation) {
    case Nonlinearity::relu:
      return "relu";
    case Nonlinearity::gelu:
      return "gelu";
    case Nonlinearity::gelu_tanh:
      return "gelu_new";
    case Nonlinearity::silu:
      return "silu";
  }
  fail("[export] the activation must be one of the enumeration.");
}

void add_labels(ordered_json& config, const ModelConfig& model,
                const std::vector<std::string>& class_names) {
  ordered_json names = ordered_json::object(), ids = ordered_json::object();
  for (int64_t i = 0; i < model.num_classes; ++i) {
    const auto known = static_cast<size_t>(i);
    const std::string name = known < class_names.size() ? class_names[known] : concat("LABEL_", i);
    names[std::to_string(i)] = name;
    ids[name] = i;
  }
  config["id2label"] = names;
  config["label2id"] = ids;
}

ordered_json write_gpt2(const ModelConfig& model, const std::vector<std::string>&) {
  const TransformerOptions options = transformer_options(model);
  return {{"architectures", {"GPT2LMHeadModel"}},
          {"n_embd", model.hidden_size},
          {"n_layer", model.num_layers},
          {"n_head", model.num_heads},
          {"n_inner", options.intermediate},
          {"n_positions", model.max_positions},
          {"vocab_size", model.vocab_size},
          {"resid_pdrop", options.dropout},
          {"embd_pdrop", options.dropout},
          {"attn_pdrop", options.attention_dropout},
          {"activation_function", activation_there(options.activation)},
          {"layer_norm_epsilon", options.eps},
          {"tie_word_embeddings", model.tie}};
}

/// What BERT and ViT say alike.
ordered_json write_encoder(const char* architecture, const ModelConfig& model) {
  const TransformerOptions options = transformer_options(model);
  return {{"architectures", {architecture}},
          {"hidden_size", model.hidden_size},
          {"num_hidden_layers", model.num_layers},
          {"num_attention_heads", model.num_heads},
          {"intermediate_size", options.intermediate},
          {"hidden_dropout_prob", options.dropout},
          {"attention_probs_dropout_prob", options.attention_dropout},
          {"hidden_act", activation_there(options.activation)},
          {"layer_norm_eps", options.eps}};
}

ordered_json write_bert(const ModelConfig& model, const std::vector<std::string>& class_names) {
  const char* name = model.head == "masked_lm" ? "BertForMaskedLM"
                     : model.head == "span"    ? "BertForQuestionAnswering"
                                               : "BertForSequenceClassification";
  ordered_json config = write_encoder(name, model);
  config["max_position_embeddings"] = model.max_positions;
  config["type_vocab_size"] = model.segments;
  config["vocab_size"] = model.vocab_size;
  config["tie_word_embeddings"] = model.tie;
  if (model.head == "auto" || model.head == "classification")
    add_labels(config, model, class_names);
  return config;
}

ordered_json write_vit(const ModelConfig& model, const std::vector<std::string>& class_names) {
  ordered_json config = write_encoder("ViTForImageClassification", model);
  config["image_size"] = model.image_size;
  config["patch_size"] = model.patch_size;
  config["num_channels"] = model.in_channels;
  add_labels(config, model, class_names);
  return config;
}

/// transformers' models, by their model_type, which is model.type here, too.
struct Form {
  const char* type;
  HuggingFaceConfig (*read)(ConfigKeys& keys, const std::string& head);
  ordered_json (*write)(const ModelConfig& model, const std::vector<std::string>& class_names);
};

constexpr Form kForms[] = {
    {"bert", read_bert, write_bert}, {"gpt2", read_gpt2, write_gpt2}, {"vit", read_vit, write_vit}};

const Form* form_of(const std::string& type) {
  const auto* const found = std::ranges::find(kForms, type, &Form::type);
  return found == std::end(kForms) ? nullptr : found;
}

}  // namespace

bool is_hugging_face_type(const std::string& type) { return form_of(type) != nullptr; }

HuggingFaceConfig read_hugging_face_config(const std::string& text, const std::string& origin,
                                           const std::string& head) {
  ConfigKeys keys(text, origin);
  const auto type = keys.take<std::string>("model_type");
  const Form* const form = form_of(type);
  require(form != nullptr, "[import] 'model_type' in ", origin, " must be bert, gpt2 or vit; got '",
          type, "'.");
  HuggingFaceConfig config = form->read(keys, head);
  keys.check_the_rest();
  return config;
}

std::string write_hugging_face_config(const ModelConfig& model,
                                      const std::vector<std::string>& class_names,
                                      const std::string& dtype) {
  require(has_hugging_face_form(model),
          "[export] transformers must know the model: bert, vit, or gpt2 with norm_type layer, "
          "positions learned and another activation than swiglu; got ",
          model.type, " with ", model.norm_type, ", ", model.positions, " and ", model.activation,
          ". Use --format tw or masked.");
  ordered_json config = form_of(model.type)->write(model, class_names);
  config["model_type"] = model.type;
  config["torch_dtype"] = dtype;
  return config.dump(2) + "\n";
}

}  // namespace tessera
