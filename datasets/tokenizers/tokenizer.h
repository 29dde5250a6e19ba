// Tokenizer: text to token ids and back. make_tokenizer.h reads one from files; train_tokenizer.h
// makes one from a corpus.
//
// Invariants: the ids are 0 .. size()-1; a tokenizer never changes after construction and serves
// several threads at once; it holds all that it needs, so that serialize() yields it whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tessera {

/// Ids; -1 where the vocabulary has no such token.
struct SpecialTokens {
  int32_t pad = -1;
  int32_t unknown = -1;
  int32_t begin = -1;
  int32_t end = -1;
  int32_t cls = -1;
  int32_t sep = -1;
  int32_t mask = -1;
};

struct TokenizerOptions {
  bool lowercase = false;                  ///< words, wordpiece
  std::optional<bool> strip_accents = {};  ///< wordpiece; as `lowercase` unless given, as in BERT
  bool add_prefix_space = false;  ///< bpe: a space before a text that does not start with one
  /// Tokens by role (pad, unknown, begin, end, cls, sep, mask) in place of the type's own names,
  /// which count only where the vocabulary holds them; "" for none.
  std::map<std::string, std::string> special = {};
};

/// All that a tokenizer is made of.
struct TokenizerData {
  std::string type;  ///< characters, words, wordpiece, bpe or sentencepiece
  TokenizerOptions options = {};
  std::vector<std::string> tokens = {};  ///< by id
  std::vector<std::pair<std::string, std::string>> merges =
      {};                  ///< bpe, in the order of their rank
  std::string model = {};  ///< sentencepiece: the file's bytes
};

/// Equal lengths.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t>
      token_types;  ///< 0 in the first text with its special tokens, 1 in the second
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Without special tokens around it. wordpiece and bpe keep special tokens that stand in the text
  /// whole, as Hugging Face's tokenizers do.
  /// Invalid UTF-8 reads as U+FFFD (utf8.h); bpe takes the bytes as they are.
  std::vector<int32_t> encode(std::string_view text) const;

  /// The text of `ids` without special tokens, or with them. The unknown token of characters and
  /// words always shows: a translation must not gain by what it could not say.
  /// bpe yields the bytes as they are: replace_invalid_utf8() makes a cut-off character printable.
  /// Throws: std::invalid_argument for an id out of range.
  std::string decode(std::span<const int32_t> ids, bool keep_special = false) const;

  /// cls a sep, of token type 0; without cls and sep: begin a end, as far as there are these two.
  /// Where begin and end are one token (GPT-2), nothing is added.
  /// With max_length > 0 the text is cut so that all of it has at most that many tokens.
  /// Throws: std::invalid_argument where max_length leaves no room for the special tokens.
  Encoding encode_with_specials(std::string_view text, int64_t max_length = 0) const;
  /// cls a sep b sep, of types 0 0 0 1 1; without cls and sep: begin a end b end.
  /// Cuts the longer text first (Hugging Face's longest_first).
  Encoding encode_with_specials(std::string_view text, std::string_view pair,
                                int64_t max_length = 0) const;

  int64_t size() const { return static_cast<int64_t>(data_.tokens.size()); }
  /// Throws: std::invalid_argument for an id out of range.
  std::string_view token(int32_t id) const;
  std::optional<int32_t> find(std::string_view token) const;
  const SpecialTokens& special_tokens() const { return special_; }
  bool is_special(int32_t id) const;

  const TokenizerData& data() const { return data_; }
  /// JSON that deserialize_tokenizer() (make_tokenizer.h) turns into an equal tokenizer.
  std::string serialize() const;

 protected:
  /// What sets the types apart.
  struct Traits {
    bool specials_in_text = false;    ///< keep special tokens in a text whole
    bool unknown_is_visible = false;  ///< decode() shows the unknown token
    bool needs_unknown = false;
    /// Role and token; of several for one role the first that the vocabulary holds counts.
    std::vector<std::pair<std::string, std::string>> default_special = {};
  };

  /// Throws: std::invalid_argument for an empty vocabulary, an empty token or one that stands
  /// twice, an unknown role, or a special token that the vocabulary lacks.
  Tokenizer(TokenizerData data, const Traits& traits);

  /// Appends the ids of a text that holds no special token to keep.
  virtual void encode_plain(std::string_view text, std::vector<int32_t>& ids) const = 0;
  /// REQUIRES: ids in range.
  virtual std::string join(std::span<const int32_t> ids) const = 0;

 private:
  void index_tokens();
  void resolve_special(const Traits& traits);
  void set_special(const std::string& role, const std::string& token);
  std::pair<size_t, int32_t> find_special(std::string_view text, size_t from) const;

  TokenizerData data_;
  std::unordered_map<std::string_view, int32_t> ids_;  // views of data_.tokens
  SpecialTokens special_;
  bool specials_in_text_ = false, unknown_is_visible_ = false;
  std::string special_starts_;  // the first bytes of special tokens
};

}  // namespace tessera
