#include "framework/io/schema_fields.h"

namespace tessera {
namespace {

const std::vector<std::string> kVgg = {"vgg11", "vgg11_bn", "vgg13", "vgg13_bn",
                                       "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"};
const std::vector<std::string> kTransformers = {"bert", "gpt2", "seq2seq", "vit"};
const std::vector<std::string> kSequences = {"bert", "gpt2", "seq2seq", "nmt"};
const std::vector<std::string> kPairs = {"seq2seq", "nmt"};
const std::vector<std::string> kResnet = {"resnet18", "resnet34", "resnet50", "resnet20"};

std::vector<std::string> join(std::vector<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::vector<Field> run_fields() {
  return {
      {TESSERA_FIELD(run.name), .doc = "Names the run's folder: letters, digits, '.', '_', '-'."},
      {TESSERA_FIELD(run.dir), .doc = "The run's folder; runs/<run.name> where not given."},
      {TESSERA_FIELD(run.seed), .doc = "Of all random numbers: equal seeds give equal runs."},
      {TESSERA_FIELD(run.device),
       .doc =
           "Where it computes: auto (the first CUDA device that can be used, else the cpu), cpu, "
           "cuda or cuda:N."},
      {TESSERA_FIELD(run.threads),
       .doc = "Threads that compute; auto: all processors that the process may use.",
       .range = within(1, 4096), .word = Word{"auto", 0}},
      {TESSERA_FIELD(run.precision),
       .doc =
           "Of activations and their products, on a CUDA device; fp16 scales the loss "
           "dynamically. On a CPU with AVX512_BF16 (and AMX, where it has that), bf16 rounds the "
           "factors of matrix products, attention's too; activations and convolutions stay "
           "fp32. Weights and their updates are fp32 always.",
       .choices = {"fp32", "bf16", "fp16"}},
      {TESSERA_FIELD(run.tf32),
       .doc = "Whether fp32 products on a CUDA device may round their factors to TF32."},
      {TESSERA_FIELD(run.cuda_graphs),
       .doc = "Whether training steps on a CUDA device are recorded once and replayed."},
      {TESSERA_FIELD(run.autotune),
       .doc = "Whether each convolution and product on a CUDA device measures the library's "
              "engines in its first step and keeps the fastest. A process may then choose engines "
              "that round otherwise than another's, so equal seeds, and a resumed run, agree to "
              "rounding and no longer bit by bit: off unless asked for."},
  };
}

std::vector<Field> model_fields() {
  return {
      {TESSERA_FIELD(model.type), .doc = "The architecture.", .required = true,
       .choices = join({{"mlp", "lenet"}, kVgg, kResnet, {"sequential"}, kTransformers, {"nmt"}})},
      {TESSERA_FIELD(model.num_classes), .doc = "Outputs; auto: the data set's classes.",
       .range = within(1, 1 << 24), .word = Word{"auto", 0}},
      {TESSERA_FIELD(model.in_channels), .doc = "Channels of its images; auto: the data set's.",
       .range = within(1, 1 << 16), .word = Word{"auto", 0}},
      {TESSERA_FIELD(model.image_size),
       .doc = "Pixels of a side of its images; auto: the data set's.",
       .range = within(1, kMaxPixels), .word = Word{"auto", 0}},
      {TESSERA_FIELD(model.head),
       .doc = "vgg, resnet: stem and classifier for 32 x 32 images (auto), or torchvision's; bert: "
              "one label a sequence (auto), a token at each place, or where an answer begins and "
              "ends.",
       .choices = {"auto", "cifar", "imagenet", "classification", "masked_lm", "span"},
       .types = join({kVgg, kResnet, {"bert"}})},
      {TESSERA_FIELD(model.dropout),
       .doc = "Share of activations dropped before linear layers, and where the models of "
              "language do; auto: the model's own.",
       .range = from_below(0, 1), .word = Word{"auto", -1},
       .types = join({{"mlp", "lenet"}, kVgg, kResnet, kTransformers, {"nmt"}})},
      {TESSERA_FIELD(model.init), .doc = "Initialisation of the weights; auto: the model's own.",
       .choices = {"auto", "pytorch", "kaiming", "xavier", "normal", "uniform"}},
      {TESSERA_FIELD(model.hidden), .doc = "Widths of the hidden layers.",
       .range = within(1, 1 << 24), .types = {"mlp"}},
      {TESSERA_FIELD(model.layers), .doc = "The layers, first to last.", .types = {"sequential"},
       .components = layer_components},
  };
}

std::vector<Field> language_fields() {
  const std::vector<std::string> all = join({kTransformers, {"nmt"}});
  return {
      {TESSERA_FIELD(model.hidden_size), .doc = "Width of a token.", .range = within(1, 1 << 16),
       .types = all},
      {TESSERA_FIELD(model.num_layers), .doc = "Layers; seq2seq, nmt: of encoder and decoder each.",
       .range = within(1, 1024), .types = all},
      {TESSERA_FIELD(model.num_heads), .doc = "Of attention; they divide hidden_size.",
       .range = within(1, 1024), .types = kTransformers},
      {TESSERA_FIELD(model.intermediate_size),
       .doc = "Width of the feed-forward layers; auto: 4 times hidden_size, with swiglu 8/3 times, "
              "upward to a multiple of 32.",
       .range = within(1, 1 << 20), .word = Word{"auto", 0}, .types = kTransformers},
      {TESSERA_FIELD(model.vocab_size),
       .doc = "Tokens, of the source where there are two languages; auto: the data's.",
       .range = within(1, 1 << 24), .word = Word{"auto", 0}, .types = kSequences},
      {TESSERA_FIELD(model.target_vocab_size), .doc = "Tokens of the target; auto: the data's.",
       .range = within(1, 1 << 24), .word = Word{"auto", 0}, .types = kPairs},
      {TESSERA_FIELD(model.max_positions),
       .doc = "Tokens of the longest sequence that it takes; auto: the data's longest.",
       .range = within(1, 1 << 20), .word = Word{"auto", 0}, .types = kSequences},
      {TESSERA_FIELD(model.segments), .doc = "Kinds of tokens: first and second sentence.",
       .range = within(1, 1024), .types = {"bert"}},
      {TESSERA_FIELD(model.patch_size), .doc = "Pixels of a side of a patch.",
       .range = within(1, 1024), .types = {"vit"}},
      {TESSERA_FIELD(model.attention_dropout),
       .doc = "Share of attention's probabilities dropped; auto: model.dropout.",
       .range = from_below(0, 1), .word = Word{"auto", -1}, .types = kTransformers},
      {TESSERA_FIELD(model.norm),
       .doc = "Whether a layer norm stands before each sublayer or after its residual sum; auto: "
              "the model's own (bert, seq2seq: post; gpt2, vit: pre).",
       .choices = {"auto", "pre", "post"}, .types = kTransformers},
      {TESSERA_FIELD(model.norm_type),
       .doc = "Whether its norms take the mean off and add a bias (layer), or only divide by the "
              "root mean square (rms).",
       .choices = {"layer", "rms"}, .types = {"gpt2"}},
      {TESSERA_FIELD(model.positions),
       .doc = "Whether a position is a learned vector that is added to its token, or an angle by "
              "which attention turns queries and keys.",
       .choices = {"learned", "rotary"}, .types = {"gpt2"}},
      {TESSERA_FIELD(model.activation),
       .doc =
           "Of the feed-forward layers; auto: the model's own (bert, vit: gelu; gpt2: gelu_tanh; "
           "seq2seq: relu). swiglu, for gpt2: silu of one linear layer times another.",
       .choices = {"auto", "relu", "gelu", "gelu_tanh", "silu", "swiglu"}, .types = kTransformers},
      {TESSERA_FIELD(model.norm_eps),
       .doc = "Of norms, added before the root; auto: the model's own.", .range = between(0, 1),
       .word = Word{"auto", 0}, .types = kTransformers},
      {TESSERA_FIELD(model.tie), .doc = "Whether the output layer's weight is the embedding's.",
       .types = kSequences},
      {TESSERA_FIELD(model.share_embeddings),
       .doc = "Whether source and target have one table of embeddings: a common vocabulary.",
       .types = {"seq2seq"}},
  };
}

std::vector<Field> optimizer_fields() {
  return {
      {TESSERA_FIELD(optimizer.type), .doc = "The rule.", .choices = {"sgd", "adam", "adamw"}},
      {TESSERA_FIELD(optimizer.lr), .doc = "Learning rate before the schedule.", .range = above(0)},
      {TESSERA_FIELD(optimizer.momentum), .doc = "Of the gradients.", .range = from_below(0, 1),
       .types = {"sgd"}},
      {TESSERA_FIELD(optimizer.nesterov), .doc = "Nesterov's momentum.", .types = {"sgd"}},
      {TESSERA_FIELD(optimizer.weight_decay),
       .doc = "L2 penalty added to the gradient; adamw: decoupled.", .range = at_least(0)},
      {TESSERA_FIELD(optimizer.decay_norms_and_biases),
       .doc = "Whether weight decay also takes norms and biases."},
      {TESSERA_FIELD(optimizer.betas), .doc = "Decay of the two moving moments.",
       .range = from_below(0, 1), .types = {"adam", "adamw"}},
      {TESSERA_FIELD(optimizer.eps), .doc = "Added to the denominator.", .range = above(0),
       .types = {"adam", "adamw"}},
      {TESSERA_FIELD(scheduler.type), .doc = "The curve of the learning rate after the warm-up.",
       .choices = {"constant", "step", "cosine", "linear", "polynomial", "inverse_sqrt"}},
      {TESSERA_FIELD(scheduler.warmup), .doc = "A linear rise from 0.",
       .range = within(0, kMaxCount)},
      {TESSERA_FIELD(scheduler.every), .doc = "Each time, the rate is multiplied by gamma.",
       .range = {.min = 0, .max = kMaxCount, .open_min = true}, .types = {"step"}},
      {TESSERA_FIELD(scheduler.gamma), .doc = "The factor.",
       .range = {.min = 0, .max = 1, .open_min = true}, .types = {"step"}},
      {TESSERA_FIELD(scheduler.power), .doc = "The exponent.", .range = above(0),
       .types = {"polynomial"}},
      {TESSERA_FIELD(scheduler.final_lr), .doc = "The rate at the end.", .range = at_least(0),
       .types = {"cosine", "linear", "polynomial"}},
  };
}

std::vector<Field> train_fields() {
  return {
      {TESSERA_FIELD(train.epochs), .doc = "Passes over the training data before pruning.",
       .range = within(1, 1e6)},
      {TESSERA_FIELD(train.label_smoothing), .doc = "Share of the target spread over all classes.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(train.clip_norm), .doc = "Gradients are scaled down to this norm.",
       .range = above(0), .word = Word{"none", 0}},
      {TESSERA_FIELD(train.accumulate), .doc = "Batches a step, each of the same weight.",
       .range = within(1, 1 << 20)},
      {TESSERA_FIELD(train.ema), .doc = "Decay of the moving average of the weights.",
       .range = between(0, 1), .word = Word{"none", 0}},
      {TESSERA_FIELD(train.checkpoint_activations),
       .doc = "Whether Transformer layers (bert, gpt2, seq2seq, vit) keep for the backward pass "
              "their inputs alone and compute the rest again: less memory, more time, the same "
              "gradients (of seq2seq to rounding). Of pruning and fine-tuning, too."},
      {TESSERA_FIELD(checkpoint.every), .doc = "How often the state is saved.",
       .range = {.min = 0, .max = kMaxCount, .open_min = true}},
      {TESSERA_FIELD(checkpoint.keep),
       .doc = "Checkpoints to resume from that are kept, besides the best weights.",
       .range = within(1, 1e6)},
  };
}

std::vector<Field> prune_fields() {
  return {
      {TESSERA_FIELD(prune.pattern),
       .doc =
           "tw: whole columns, then rows of tiles; tw1: rows of tiles only; tew: tw and single "
           "weights put back; tvw: tw with 2:4 inside; ew: single weights; vw: n of each vector "
           "along K; nm: 2:4; bw: blocks; units: whole units, of the kind that prune.units says.",
       .choices = {"tw", "tw1", "tew", "tvw", "ew", "vw", "nm", "bw", "units"}},
      {TESSERA_FIELD(prune.variant),
       .doc =
           "exact: the sparsity is met; reference: the masks of the paper's artifact, which meet "
           "it roughly.",
       .choices = {"exact", "reference"}},
      {TESSERA_FIELD(prune.granularity),
       .doc =
           "Columns (outputs) of a tile, extent of a block, length of a vector; auto: 64, 32, 16.",
       .range = within(1, 1 << 20), .word = Word{"auto", 0}},
      {TESSERA_FIELD(prune.sparsity),
       .doc = "Share of zeros to reach among all prunable weights; none, and not given: what "
              "target_speedup needs, where that is set.",
       .range = between(0, 1), .word = Word{"none", 0}},
      {TESSERA_FIELD(prune.target_speedup),
       .doc = "In place of sparsity, on the cpu: how many times faster than the dense model the "
              "pruned one is to run, as predicted by a cost model of this machine (`tessera bench "
              "--calibrate`). The sparsity that takes is found before training and, from each "
              "stage's scores, again at every stage.",
       .range = above(1), .word = Word{"none", 0}},
      {TESSERA_FIELD(prune.split),
       .doc = "tw, tew, tvw: columns go until (1 - sparsity)^split of the weights are left, then "
              "rows of tiles. equal: 0.5, as in the paper; auto: what keeps the most score.",
       .range = within(0, 1), .word = {Word{"equal", 0.5}, Word{"auto", -1}}},
      {TESSERA_FIELD(prune.delta), .doc = "tew: share of single weights put back.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(prune.scope), .doc = "Whether units are ranked over all layers or in each.",
       .choices = {"global", "layer"}},
      {TESSERA_FIELD(prune.units),
       .doc = "Which units pattern units prunes. outputs: of each weight by itself; heads: of "
              "attentions, in query, key, value and output at once; channels: of convolutions, "
              "with the inputs of the convolution that alone reads them. Weights that have none of "
              "the kind stay dense.",
       .choices = {"outputs", "heads", "channels"}},
      {TESSERA_FIELD(prune.include), .doc = "Regular expressions: the parameters that are pruned."},
      {TESSERA_FIELD(prune.exclude), .doc = "Regular expressions: those of them that are not."},
      {TESSERA_FIELD(prune.prune_first_and_last),
       .doc = "Whether the first convolution and the last classifier are pruned, too."},
      {TESSERA_FIELD(prune.k_multiple), .doc = "A tile keeps a multiple of this many rows.",
       .range = within(1, 1 << 20)},
      {TESSERA_FIELD(prune.balanced),
       .doc = "Whether the tiles of a layer keep equally many rows."},
      {TESSERA_FIELD(prune.min_keep),
       .doc = "Units of each ranking (weights, blocks, columns, rows) that every layer keeps.",
       .range = within(1, kMaxCount)},
      {TESSERA_FIELD(prune.min_per_layer), .doc = "Sparsity that each layer has at least.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(prune.max_per_layer), .doc = "Sparsity that each layer has at most.",
       .range = {.min = 0, .max = 1, .open_min = true}},
      {TESSERA_FIELD(prune.layer_bounds),
       .doc = "Both of single layers: 'REGEX=MIN..MAX', either number optional; of a layer, the "
              "first whose regular expression is found in its name."},
      {TESSERA_FIELD(prune.dense_control),
       .doc = "Whether the dense model is trained on for as many steps as fine-tuning really took, "
              "to compare with."},
      {TESSERA_FIELD(prune.regrow),
       .doc = "tw, tw1: before each stage prunes, this share of the pruned columns and of the "
              "pruned rows of tiles, those with the largest mean gradient magnitude above 0, comes "
              "back at "
              "zero (after RigL, Evci et al. 2020). Until the next stage a weight that came back "
              "is scored as the mean of its layer's kept weights.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(prune.rewind),
       .doc = "Learning rate rewinding (Renda et al. 2020): the fine-tuning of every stage, the "
              "last one too, takes the learning rates of the dense training (optimizer.lr under "
              "scheduler) from rewind_to to its end, step for step, from the weights as they are. "
              "It takes the place of schedule.epochs and lr, and of fine_tune.epochs, lr and "
              "scheduler."},
      {TESSERA_FIELD(prune.rewind_to),
       .doc = "rewind: where in the dense training each fine-tuning starts, before train.epochs.",
       .range = within(0, 1e9), .plain_epochs = true},
      {TESSERA_FIELD(prune.score.type),
       .doc = "Importance of a weight w of gradient g. magnitude: |w|; taylor: (w g)^2; gradient: "
              "|g|; movement: -w g. All but magnitude are summed over batches.",
       .choices = {"magnitude", "taylor", "gradient", "movement"}},
      {TESSERA_FIELD(prune.score.batches), .doc = "Batches that the score is accumulated over.",
       .range = within(1, kMaxCount), .types = {"taylor", "gradient", "movement"}},
      {TESSERA_FIELD(prune.score.normalize),
       .doc = "What each layer's scores are divided by: nothing, their L2 norm, or the largest.",
       .choices = {"none", "l2", "max"}},
      {TESSERA_FIELD(prune.apriori.columns.top),
       .doc = "Share of all columns (or units), those that EW leaves emptiest: pruned before all "
              "others.",
       .range = within(0, 1)},
      {TESSERA_FIELD(prune.apriori.columns.last),
       .doc = "Share of all, those that EW leaves fullest: pruned after all others.",
       .range = within(0, 1)},
      {TESSERA_FIELD(prune.apriori.rows.top),
       .doc = "The same of the rows of tiles, and of blocks.", .range = within(0, 1)},
      {TESSERA_FIELD(prune.apriori.rows.last),
       .doc = "The same of the rows of tiles, and of blocks.", .range = within(0, 1)},
      {TESSERA_FIELD(prune.schedule.type), .doc = "How the sparsity rises from stage to stage.",
       .choices = {"one_shot", "linear", "cubic", "list"}},
      {TESSERA_FIELD(prune.schedule.stages), .doc = "How many.", .range = within(1, 1000),
       .types = {"linear", "cubic"}},
      {TESSERA_FIELD(prune.schedule.sparsities),
       .doc = "Of the stages, rising; the last one is prune.sparsity.", .range = between(0, 1),
       .types = {"list"}},
      {TESSERA_FIELD(prune.schedule.epochs), .doc = "Of fine-tuning after each stage but the last.",
       .range = within(0, kMaxCount), .types = {"linear", "cubic", "list"}, .plain_epochs = true},
      {TESSERA_FIELD(prune.schedule.lr),
       .doc = "Learning rate of these epochs; auto: prune.fine_tune.lr.", .range = above(0),
       .word = Word{"auto", 0}, .types = {"linear", "cubic", "list"}},
      {TESSERA_FIELD(prune.fine_tune.epochs), .doc = "Of fine-tuning after the last stage.",
       .range = within(0, kMaxCount), .plain_epochs = true},
      {TESSERA_FIELD(prune.fine_tune.dropout),
       .doc = "Of every stage's fine-tuning: what the model's dropout is multiplied by. A pruned "
              "network has less room to overfit. The dense control keeps the model's.",
       .range = within(0, 1)},
      {TESSERA_FIELD(prune.fine_tune.lr),
       .doc = "Learning rate at their start, before prune.fine_tune.scheduler. Must be given where "
              "its default is above optimizer.lr.",
       .range = above(0)},
  };
}

/// The field `path` of optimizer or scheduler once more, below prune.fine_tune.
Field fine_tune_field(Field field, Member (*member)(Config&), bool inherits) {
  if (inherits) field.inherits = field.path;
  field.path = "prune.fine_tune." + field.path;
  field.member = member;
  return field;
}

std::vector<Field> fine_tune_fields() {
  std::vector<Field> fields;
  for (const Field& field : optimizer_fields()) {
#define TESSERA_FINE_TUNE_FIELD(path_, inherits_)                                      \
  if (field.path == #path_)                                                            \
    fields.push_back(fine_tune_field(                                                  \
        field, [](Config& config) -> Member { return &config.prune.fine_tune.path_; }, \
        inherits_));
    TESSERA_FINE_TUNE_FIELD(optimizer.type, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.momentum, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.nesterov, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.weight_decay, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.decay_norms_and_biases, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.betas, true)
    TESSERA_FINE_TUNE_FIELD(optimizer.eps, true)
    TESSERA_FINE_TUNE_FIELD(scheduler.type, false)
    TESSERA_FINE_TUNE_FIELD(scheduler.warmup, false)
    TESSERA_FINE_TUNE_FIELD(scheduler.every, false)
    TESSERA_FINE_TUNE_FIELD(scheduler.gamma, false)
    TESSERA_FINE_TUNE_FIELD(scheduler.power, false)
    TESSERA_FINE_TUNE_FIELD(scheduler.final_lr, false)
#undef TESSERA_FINE_TUNE_FIELD
  }
  const std::vector<Field> more = {
      {TESSERA_FIELD(prune.fine_tune.early_stop.patience),
       .doc =
           "A stage's fine-tuning ends after this many epochs whose validation score (accuracy; F1 "
           "of answers; exp(-loss) of tokens) did not exceed the best one before them by more "
           "than min_delta.",
       .range = within(1, kMaxCount), .word = Word{"none", 0}},
      {TESSERA_FIELD(prune.fine_tune.early_stop.min_delta), .doc = "Of the score, as a fraction.",
       .range = from_below(0, 1)},
      {TESSERA_FIELD(prune.distill.alpha),
       .doc = "The loss of fine-tuning is (1 - alpha) * cross entropy + alpha * temperature^2 * "
              "KL(teacher || student), both at the temperature. 0: no teacher.",
       .range = within(0, 1)},
      {TESSERA_FIELD(prune.distill.temperature), .doc = "What the logits of both are divided by.",
       .range = {.min = 0, .max = 1000, .open_min = true}},
  };
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

std::vector<Field> export_fields() {
  return {{.path = "export.dtype",
           .member = [](Config& config) -> Member { return &config.export_.dtype; },
           .doc = "Of the values in model.safetensors.",
           .choices = {"f32", "bf16"}}};
}

}  // namespace

const std::vector<Field>& config_fields() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> all;
    for (auto group : {run_fields, data_fields, model_fields, language_fields, optimizer_fields,
                       train_fields, prune_fields, fine_tune_fields, export_fields})
      for (Field& field : group()) all.push_back(std::move(field));
    return all;
  }();
  return fields;
}

const std::vector<Section>& config_sections() {
  static const std::vector<Section> sections = {
      {"run", "The run as a whole."},
      {"data", "What it learns from."},
      {"data.tokenizer", "How text becomes tokens.", text_data_types()},
      {"model", "What is trained."},
      {"optimizer", "How weights follow gradients."},
      {"scheduler", "The learning rate over time."},
      {"train", "The training before pruning."},
      {"checkpoint", "What a killed run resumes from."},
      {"prune", "Pruning in stages with fine-tuning; without this section nothing is pruned."},
      {"prune.score", "What a weight is worth."},
      {"prune.apriori",
       "What EW at the same sparsity says of a pattern's units before they are "
       "ranked; all 0: nothing."},
      {"prune.apriori.columns", "Of whole columns."},
      {"prune.apriori.rows", "Of rows of tiles."},
      {"prune.schedule", "The stages."},
      {"prune.fine_tune", "The training after each stage; its length after the last one."},
      {"prune.fine_tune.optimizer",
       "How weights follow gradients in it; what is not given is as in optimizer."},
      {"prune.fine_tune.scheduler", "Its learning rate over time, each stage by itself."},
      {"prune.fine_tune.early_stop", "Ends it where it no longer helps."},
      {"prune.distill",
       "Fine-tuning also learns from the dense model, the weights that pruning started from "
       "(Hinton et al. 2015)."},
      {"export", "The checkpoint that a run ends with."},
  };
  return sections;
}

}  // namespace tessera
