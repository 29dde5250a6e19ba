// The config: one struct a section, its members the YAML keys, its initialisers the defaults.
// framework/io/schema.h ties them to parsing, --help, the JSON Schema and the reference page.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tessera {

/// "2ep" or "500st".
struct Duration {
  enum class Unit { epochs, steps };
  double count = 0;
  Unit unit = Unit::epochs;
};

/// One item of a list of components: `flip`, `{max_pool: 2}` (its main argument), or
/// `{crop: {pad: 4}}`. `children` is the body of a component that contains others.
struct ComponentSpec {
  std::string type;
  std::map<std::string, double> arguments;
  std::vector<ComponentSpec> children;
};

struct RunConfig {
  std::string name = "run";
  std::string dir;  ///< runs/<name> where empty
  uint64_t seed = 42;
  std::string device = "auto";     ///< auto, cpu, cuda, cuda:N
  int threads = 0;                 ///< 0: auto, all processors
  std::string precision = "fp32";  ///< fp32, bf16, fp16
  bool tf32 = false;
  bool cuda_graphs = true;
  bool autotune = false;
};

struct TokenizerConfig {
  std::string type = "wordpiece";  ///< characters, words, wordpiece, bpe, sentencepiece
  std::vector<std::string> files;  ///< its vocabulary; empty: made from the training text
  int64_t vocab_size = 8000;       ///< at most, where it is made
  int64_t min_count = 2;           ///< rarer words and pairs are left out, where it is made
  bool lowercase = false;
  bool shared = true;  ///< parallel_text: one vocabulary for both languages
};

struct DataConfig {
  std::string type;           ///< glyphs, mnist, cifar10 ... image_folder; sst2 ... parallel_text
  std::string root;           ///< also looked for in $TESSERA_DATA, then ./data
  int64_t batch_size = 128;   ///< samples
  int64_t batch_tokens = 0;   ///< text: samples * padded length of a batch; 0: batch_size
  int workers = 1;            ///< threads that prepare batches
  double validation = 0.1;    ///< share of the training samples held out to select models
  int64_t train_samples = 0;  ///< 0: all
  int64_t test_samples = 0;   ///< 0: all
  int64_t train_begin = 0;    ///< mnist: where the training range starts in a single file
  int64_t train_end = 0;      ///< mnist: 0: no split by index
  int64_t image_size = 0;     ///< pixels; image_folder: every image is resized to this square
  std::vector<double> mean;   ///< per channel, of pixels in [0, 1]; empty: the data set's own
  std::vector<double> std;    ///< likewise
  std::vector<ComponentSpec> augment;  ///< training only

  std::string train_file;       ///< text: below root; parallel_text: without its ending
  std::string validation_file;  ///< likewise
  std::string test_file;        ///< likewise
  double test_share = 0;        ///< tsv: of the training samples, without test_file
  bool header = true;           ///< tsv: the first line names the columns; else 1, 2, ...
  std::string text_column = "sentence", pair_column, label_column = "label";  ///< tsv
  std::string source = "en", target = "de";  ///< parallel_text: the files' endings
  std::string bleu = "none";                 ///< or 13a: how it splits translations into words
  int64_t max_length = 128;                  ///< of samples of their own: tokens
  int64_t doc_stride = 0;            ///< squad: tokens from window to window; 0: max_length / 3
  int64_t max_question_length = 64;  ///< squad: tokens
  int64_t max_answer_length = 30;    ///< squad: tokens of a predicted answer
  int64_t sequence = 128;            ///< text: tokens of a window
  std::string windows = "random";    ///< text: random, consecutive; training only
  std::string cache;  ///< text: folder of token files; token-cache beside the run where empty
  TokenizerConfig tokenizer;
};

struct ModelConfig {
  std::string type;           ///< mlp, lenet, vgg11 ... resnet50, sequential, bert ... vit
  int64_t num_classes = 0;    ///< 0: the data set's
  int64_t in_channels = 0;    ///< 0: the data set's
  int64_t image_size = 0;     ///< 0: the data set's
  std::string head = "auto";  ///< cifar or imagenet; classification, masked_lm or span
  double dropout = -1;        ///< -1: the model's own
  std::string init = "auto";  ///< auto: the model's own
  std::vector<int64_t> hidden = {256};  ///< mlp
  std::vector<ComponentSpec> layers;    ///< sequential
  int64_t hidden_size = 256;            ///< bert, gpt2, seq2seq, nmt, vit: width of a token
  int64_t num_layers = 4;               ///< likewise; seq2seq, nmt: of encoder and decoder each
  int64_t num_heads = 4;                ///< of attention
  int64_t intermediate_size = 0;        ///< of feed-forward layers; 0: 4 * hidden_size, or 8/3
  int64_t vocab_size = 0;               ///< 0: the data's; seq2seq, nmt: of the source
  int64_t target_vocab_size = 0;        ///< 0: the data's
  int64_t max_positions = 0;            ///< 0: the data's longest sequence
  int64_t segments = 2;                 ///< bert: kinds of tokens (type_vocab_size)
  int64_t patch_size = 4;               ///< vit: pixels
  double attention_dropout = -1;        ///< of attention's probabilities; -1: dropout
  std::string norm = "auto";            ///< auto, pre, post
  std::string norm_type = "layer";      ///< gpt2: layer, rms
  std::string positions = "learned";    ///< gpt2: learned, rotary
  /// Of feed-forward layers: auto, relu, gelu, gelu_tanh, silu, swiglu.
  std::string activation = "auto";
  double norm_eps = 0;            ///< 0: the model's own
  bool tie = true;                ///< the output layer's weight is the embedding's
  bool share_embeddings = false;  ///< seq2seq: one table for source and target
};

struct OptimizerConfig {
  std::string type = "sgd";  ///< sgd, adam, adamw
  double lr = 0.1;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0;
  bool decay_norms_and_biases = true;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
};

struct SchedulerConfig {
  std::string type = "constant";  ///< constant, step, cosine, linear, polynomial, inverse_sqrt
  Duration warmup = {};
  Duration every = {30};  ///< step: multiplied by gamma each time
  double gamma = 0.1;     ///< step
  double power = 2;       ///< polynomial
  double final_lr = 0;    ///< cosine, linear, polynomial: where they end
};

struct TrainConfig {
  int64_t epochs = 10;
  double label_smoothing = 0;
  double clip_norm = 0;                 ///< 0: no clipping
  int64_t accumulate = 1;               ///< batches per step
  double ema = 0;                       ///< decay of the moving average of the weights; 0: none
  bool checkpoint_activations = false;  ///< Transformers: layers are recomputed in backward
};

struct CheckpointConfig {
  Duration every = {1};
  int64_t keep = 2;
};

struct ScoreConfig {
  std::string type = "taylor";     ///< magnitude, taylor, gradient, movement
  int64_t batches = 32;            ///< all but magnitude: how many are accumulated
  std::string normalize = "none";  ///< of each layer's scores: none, l2, max
};

/// Shares of a pattern's units.
struct AprioriSharesConfig {
  double top = 0;   ///< those that EW leaves emptiest: pruned first
  double last = 0;  ///< those that EW leaves fullest: pruned last
};

struct AprioriConfig {
  AprioriSharesConfig columns;
  AprioriSharesConfig rows;  ///< of tiles; blocks of bw
};

struct PruneScheduleConfig {
  std::string type = "cubic";      ///< one_shot, linear, cubic, list
  int64_t stages = 5;              ///< linear, cubic
  std::vector<double> sparsities;  ///< list
  Duration epochs = {2};           ///< of fine-tuning after each stage but the last
  double lr = 0;                   ///< of these epochs; 0: fine_tune.lr
};

struct EarlyStopConfig {
  int64_t patience = 0;  ///< epochs without a gain of the validation score; 0: none
  double min_delta = 0;  ///< what counts as a gain is above this
};

struct FineTuneConfig {
  Duration epochs = {6};      ///< after the last stage
  double dropout = 1;         ///< of the model's dropout, in every stage
  double lr = 0.01;           ///< at their start, before the schedule's factor
  OptimizerConfig optimizer;  ///< without its lr; keys that are not given: Config::optimizer's
  SchedulerConfig scheduler = {.type = "cosine"};
  EarlyStopConfig early_stop;
};

struct DistillConfig {
  double alpha = 0;  ///< weight of the teacher's part of the loss; 0: no teacher
  double temperature = 4;
};

struct PruneConfig {
  std::string pattern = "tw";     ///< tw, tw1, tew, tvw, ew, vw, nm, bw, units
  std::string variant = "exact";  ///< exact, reference
  int64_t granularity = 0;    ///< columns of a tile, extent of a block, length of a vector; 0: auto
  double sparsity = 0.75;     ///< share of zeros among all prunable weights; 0: target_speedup's
  double target_speedup = 0;  ///< predicted, over the dense model; 0: none, sparsity counts
  double split = 0.5;         ///< share of the sparsity that columns take; -1: auto
  double delta = 0.02;        ///< tew: share of single weights put back
  std::string scope = "global";
  std::string units = "outputs";  ///< of pattern units: outputs, heads, channels
  std::vector<std::string> include = {".*"};
  std::vector<std::string> exclude;
  bool prune_first_and_last =
      false;                 ///< else the first convolution and the last classifier stay dense
  int64_t k_multiple = 1;    ///< kept rows of a tile are rounded to multiples of this
  bool balanced = false;     ///< the tiles of a layer keep equally many rows
  int64_t min_keep = 1;      ///< units that each layer keeps
  double min_per_layer = 0;  ///< sparsity of each layer
  double max_per_layer = 1;  ///< likewise
  std::vector<std::string> layer_bounds;  ///< "REGEX=MIN..MAX": of the layers that match instead
  bool dense_control = true;              ///< train the dense twin for the same total steps
  double regrow = 0;         ///< tw: share of the pruned units given back before each stage
  bool rewind = false;       ///< fine-tuning repeats the dense learning rates from rewind_to on
  Duration rewind_to = {0};  ///< of the dense training
  ScoreConfig score;
  AprioriConfig apriori;
  PruneScheduleConfig schedule;
  FineTuneConfig fine_tune;
  DistillConfig distill;
};

struct ExportConfig {
  std::string dtype = "f32";  ///< f32, bf16
};

struct Config {
  RunConfig run;
  DataConfig data;
  ModelConfig model;
  OptimizerConfig optimizer;
  SchedulerConfig scheduler;
  TrainConfig train;
  CheckpointConfig checkpoint;
  PruneConfig prune;
  bool has_prune = false;  ///< the section stands in the file
  ExportConfig export_;    ///< `export` in YAML
};

}  // namespace tessera
