// tessera data list | fetch NAME... | verify [NAME...] | tokenizer --type TYPE --input FILE... -o
// DIR
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>

#include "datasets/fetch.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "framework/cli/commands.h"
#include "framework/core/errors.h"
#include "framework/io/progress.h"

namespace tessera {
namespace {

struct DataArguments {
  std::vector<std::string> names;
  std::string root;

  std::filesystem::path folder() const {
    return root.empty() ? default_data_root() : std::filesystem::path(root);
  }
  /// All data sets where none is named.
  std::vector<RemoteDataset> datasets() const {
    if (names.empty()) return remote_datasets();
    std::vector<RemoteDataset> chosen;
    for (const std::string& name : names) chosen.push_back(find_remote_dataset(name));
    return chosen;
  }
};

const char* word_for(FileStatus::State state) {
  switch (state) {
    case FileStatus::State::ok:
      return "ok";
    case FileStatus::State::missing:
      return "missing";
    case FileStatus::State::corrupted:
      return "corrupted";
  }
  return "";
}

void list() {
  for (const RemoteDataset& data : remote_datasets())
    std::cout << std::left << std::setw(16) << data.name << data.description
              << ". Licence: " << data.licence << "\n";
  std::cout << std::left << std::setw(16) << "glyphs"
            << "built in: drawn by the program\n";
}

/// Without a name, the question is what is here: data sets of which there is no file are not asked
/// for, but one that is there in part is not whole, and nothing at all is no success.
void verify(const DataArguments& arguments) {
  int whole = 0, bad = 0;
  for (const RemoteDataset& data : arguments.datasets()) {
    const std::vector<FileStatus> files = verify_dataset(data, arguments.folder());
    const auto number_of = [&](FileStatus::State state) {
      return std::count_if(files.begin(), files.end(),
                           [&](const FileStatus& file) { return file.state == state; });
    };
    const auto print = [](const char* word, const std::filesystem::path& path) {
      std::cout << std::left << std::setw(11) << word << path.string() << "\n";
    };
    const int64_t num_files = static_cast<int64_t>(files.size());
    if (arguments.names.empty() && number_of(FileStatus::State::missing) == num_files) {
      print("not here", arguments.folder() / data.name);
      continue;
    }
    for (const FileStatus& file : files) print(word_for(file.state), file.path);
    const int64_t good = number_of(FileStatus::State::ok);
    whole += good == num_files;
    bad += static_cast<int>(num_files - good);
  }
  std::cout.flush();
  require_runtime(bad == 0,
                  "[data] every file must be there and hash to what its authors "
                  "published; got ",
                  bad, " that do not. Run tessera data fetch NAME.");
  require_runtime(whole > 0, "[data] a data set must be in ", arguments.folder().string(),
                  "; got none. Run tessera data fetch NAME, or say where they are with --root.");
}

/// One bar a file.
class FetchBars {
 public:
  void show(const RemoteFile& file, int64_t bytes, int64_t total) {
    if (total <= 0 || bytes > total) return;
    if (!bar_ || name_ != file.name) {
      name_ = file.name;
      bar_.emplace(file.name, total, ProgressOptions{.unit = "MB", .units_per_step = 1e-6});
      bar_->start_at(bytes);
    }
    if (bytes < total)
      bar_->update(bytes);
    else
      finish();
  }

 private:
  void finish() {
    bar_->finish();
    bar_.reset();
    name_.clear();
  }

  std::string name_;
  std::optional<Progress> bar_;
};

void fetch(const DataArguments& arguments) {
  for (const RemoteDataset& data : arguments.datasets()) {
    FetchBars bars;
    fetch_dataset(data, arguments.folder(),
                  [&](const RemoteFile& file, int64_t bytes, int64_t total) {
                    bars.show(file, bytes, total);
                  });
    std::cout << data.name << ": complete in " << (arguments.folder() / data.name).string() << "\n";
  }
}

struct TokenizerArguments {
  TrainTokenizerOptions options;
  std::vector<std::filesystem::path> files;
  std::filesystem::path folder;
  bool keep_accents = false;
  bool has_min_count = false;
};

/// An option that this type would not heed is refused.
void check_options(const TokenizerArguments& arguments) {
  const std::string& type = arguments.options.type;
  const auto demand = [&](bool given, bool heeded, const char* option, const char* types) {
    require(!given || heeded, "[tokenizer] ", option, " must be given with --type ", types,
            "; got ", type, ". Leave it out.");
  };
  const bool lowercase = arguments.options.tokenizer.lowercase;
  demand(lowercase, type == "words" || type == "wordpiece", "--lowercase", "words or wordpiece");
  demand(arguments.keep_accents, type == "wordpiece", "--keep-accents", "wordpiece");
  demand(arguments.has_min_count, type != "sentencepiece", "--min-count",
         "characters, words, wordpiece or bpe");
  require(!arguments.keep_accents || lowercase,
          "[tokenizer] --keep-accents must come with --lowercase, which takes them off; got it "
          "alone. Leave it out.");
}

void train(TokenizerArguments arguments) {
  check_options(arguments);
  if (arguments.keep_accents) arguments.options.tokenizer.strip_accents = false;
  const auto tokenizer = make_tokenizer(train_tokenizer(arguments.options, arguments.files));
  for (const auto& path : write_tokenizer(tokenizer->data(), arguments.folder))
    std::cout << path.string() << "\n";
  std::cout << tokenizer->data().type << ": " << tokenizer->size() << " tokens\n";
}

void add_tokenizer_command(CLI::App& data, Action& action) {
  CLI::App* command = data.add_subcommand("tokenizer", "Train a tokenizer on text files");
  auto arguments = std::make_shared<TokenizerArguments>();
  TrainTokenizerOptions& options = arguments->options;
  command->add_option("--type", options.type, "The kind of tokens")
      ->required()
      ->check(CLI::IsMember({"characters", "words", "wordpiece", "bpe", "sentencepiece"}));
  command->add_option("--input", arguments->files, "Text files, UTF-8")->required();
  command->add_option("--vocab-size", options.vocab_size, "At most this many tokens")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  const CLI::Option* const min_count =
      command->add_option("--min-count", options.min_count, "Leave out what is rarer")
          ->capture_default_str()
          ->check(CLI::Range(1, 1000000000));
  command->add_flag("--lowercase", options.tokenizer.lowercase, "words, wordpiece: lower-case all");
  command->add_flag("--keep-accents", arguments->keep_accents,
                    "wordpiece: keep accents when lower-casing");
  command->add_option("-o,--output", arguments->folder, "The folder for the vocabulary files")
      ->required();
  command->callback([=, &action] {
    arguments->has_min_count = min_count->count() > 0;
    action = [=] { train(*arguments); };
  });
}

}  // namespace

void add_data_commands(CLI::App& program, Action& action) {
  CLI::App* data =
      program.add_subcommand("data", "Data sets: list, download, check; tokenizers: train");
  data->require_subcommand(1);
  data->add_subcommand("list", "Print the data sets that can be fetched")->callback([&action] {
    action = list;
  });
  const auto add = [&](const char* name, const char* doc, void (*run)(const DataArguments&)) {
    CLI::App* command = data->add_subcommand(name, doc);
    auto arguments = std::make_shared<DataArguments>();
    command->add_option("--root", arguments->root, "Their folder ($TESSERA_DATA, else data)");
    command->callback([=, &action] { action = [=] { run(*arguments); }; });
    return command->add_option("NAME", arguments->names, "Names of data sets, from the list");
  };
  add("fetch", "Download data sets, resuming, and check their hashes", fetch)->required();
  add_tokenizer_command(*data, action);
  add("verify", "Hash the files of data sets (without a name, of those that are here)", verify);
}

}  // namespace tessera
