#include "framework/io/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_set>

#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr SafetensorsType kTypes[] = {
    {"F64", 64, DType::f64}, {"I64", 64, DType::i64},   {"F32", 32, DType::f32},
    {"I32", 32, DType::i32}, {"BF16", 16, DType::bf16}, {"F16", 16, DType::f32},
    {"U8", 8, DType::u8},    {"BOOL", 8, DType::u8},    {"I8", 8, {}},
    {"I16", 16, {}},         {"U16", 16, {}},           {"U32", 32, {}},
    {"U64", 64, {}},         {"C64", 64, {}},           {"F4", 4, {}},
    {"F6_E2M3", 6, {}},      {"F6_E3M2", 6, {}},        {"F8_E5M2", 8, {}},
    {"F8_E4M3", 8, {}},      {"F8_E8M0", 8, {}},        {"F8_E4M3FNUZ", 8, {}},
    {"F8_E5M2FNUZ", 8, {}},
};

/// Builds the header while the JSON is read: the grammar has three levels and nothing else is
/// accepted, so depth, duplicates and types are checked where they occur.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderHandler(const std::string& where) : where_(where) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    switch (state_) {
      case State::document:
        state_ = State::root;
        return true;
      case State::root_value:
        names_.clear();
        state_ = State::entry;
        if (key_ == kMetadataKey)
          state_ = State::metadata;
        else
          header_.entries.push_back({key_, {}, {}, 0, 0});
        return true;
      default:
        unexpected("an object");
    }
  }
  bool end_object() override {
    if (state_ == State::entry) {
      for (const char* field : {"dtype", "shape", "data_offsets"})
        check(names_.contains(field), "must have dtype, shape and data_offsets; got no ", field);
      check(numbers_complete_, "must have two data_offsets; got another number of them");
    }
    state_ = state_ == State::root ? State::document : State::root;
    return true;
  }
  bool key(string_t& name) override {
    if (state_ == State::root) {
      key_ = name;
      require_runtime(tensors_.insert(name).second, where_, "names must be unique; got ",
                      printable(name), " twice.");
      state_ = State::root_value;
      return true;
    }
    check(names_.insert(name).second, "must not repeat a name; got ", printable(name), " twice");
    field_ = name;
    if (state_ == State::metadata) return true;
    check(name == "dtype" || name == "shape" || name == "data_offsets",
          "must have the fields dtype, shape and data_offsets only; got ", printable(name));
    state_ = State::entry_value;
    return true;
  }
  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      header_.metadata[field_] = value;
      return true;
    }
    if (state_ != State::entry_value || field_ != "dtype") unexpected("a string");
    check(find_safetensors_type(value) != nullptr, "must have a dtype of the format; got ",
          printable(value));
    header_.entries.back().dtype = value;
    state_ = State::entry;
    return true;
  }
  bool start_array(std::size_t) override {
    if (state_ != State::entry_value || field_ == "dtype") unexpected("an array");
    numbers_.clear();
    state_ = State::numbers;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (state_ != State::numbers) unexpected("a number");
    check(value <= uint64_t{std::numeric_limits<int64_t>::max()}, "must have a ", field_,
          " below 2^63; got ", value);
    check(numbers_.size() < size_t{Shape::kMaxRank}, "must have at most ", Shape::kMaxRank,
          " numbers in its ", field_, "; got more");
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool end_array() override {
    SafetensorsEntry& entry = header_.entries.back();
    if (field_ == "shape") {
      try {
        entry.shape = Shape(numbers_);
      } catch (const std::invalid_argument& error) {
        check(false, "must have a possible shape; got: ", error.what());
      }
    } else {
      numbers_complete_ = numbers_.size() == 2;
      if (numbers_complete_) std::tie(entry.begin, entry.end) = std::tie(numbers_[0], numbers_[1]);
    }
    state_ = State::entry;
    return true;
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    unexpected("a number that is no 64-bit integer");
  }
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail_runtime(where_, "the header must be one JSON object in UTF-8; got a syntax error at byte ",
                 kLengthBytes + static_cast<int64_t>(position), ". The file is damaged.");
  }

 private:
  enum class State { document, root, root_value, metadata, entry, entry_value, numbers };

  template <class... Parts>
  void check(bool ok, const Parts&... message) const {
    require_runtime(ok, where_, printable(key_), " ", message..., ".");
  }
  [[noreturn]] void unexpected(const char* what) const {
    switch (state_) {
      case State::document:
        fail_runtime(where_, "the header must be a JSON object; got ", what, ".");
      case State::metadata:
        fail_runtime(where_, "the metadata must be strings; got ", what, " for ", printable(field_),
                     ".");
      case State::entry_value:
      case State::numbers:
        fail_runtime(where_, printable(key_), " must have a ", field_, " of ",
                     field_ == "dtype" ? "type string" : "non-negative integers", "; got ", what,
                     ".");
      default:
        fail_runtime(where_, printable(key_), " must be a JSON object; got ", what, ".");
    }
  }

  const std::string& where_;
  SafetensorsHeader header_;
  State state_ = State::document;
  std::string key_;    ///< of the root's object
  std::string field_;  ///< of the object inside it
  std::unordered_set<std::string> tensors_;
  std::unordered_set<std::string> names_;  ///< in the object inside the root's
  std::vector<int64_t> numbers_;
  bool numbers_complete_ = false;
};

/// The length that shape and dtype ask for must be the range's.
void check_length(const SafetensorsEntry& entry, const std::string& where) {
  const int64_t bits_each = find_safetensors_type(entry.dtype)->bits;
  int64_t bits = 0;
  const bool overflows = __builtin_mul_overflow(entry.shape.numel(), bits_each, &bits);
  require_runtime(!overflows && bits % 8 == 0, where, printable(entry.name),
                  " must fill whole bytes, fewer than 2^60; got ", entry.dtype, entry.shape, ".");
  require_runtime(entry.end >= entry.begin && entry.end - entry.begin == bits / 8, where,
                  printable(entry.name), " must have ", bits / 8, " bytes for ", entry.dtype,
                  entry.shape, "; got data_offsets [", entry.begin, ", ", entry.end, "].");
}

/// The ranges must tile [0, data_bytes).
void check_ranges(const SafetensorsHeader& header, int64_t data_bytes, const std::string& where) {
  int64_t end = 0;
  for (const auto& entry : header.entries) {
    require_runtime(entry.begin >= end, where, "tensors must not overlap; got ",
                    printable(entry.name), " from byte ", entry.begin, " with ", end,
                    " bytes taken.");
    require_runtime(entry.begin == end, where, "there must be no hole in the data; got one from ",
                    end, " to ", entry.begin, " before ", printable(entry.name), ".");
    check_length(entry, where);
    end = entry.end;
  }
  require_runtime(end <= data_bytes, where, "the file must hold all its tensors, ", end,
                  " bytes; got ", data_bytes, ". The file is cut off.");
  require_runtime(end == data_bytes, where, "nothing may follow the last tensor; got ",
                  data_bytes - end, " bytes more.");
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr size_t kMaxLength = 80;
  std::string out = "'";
  for (const char c : text.substr(0, kMaxLength))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > kMaxLength ? "...'" : "'");
}

const SafetensorsType* find_safetensors_type(std::string_view name) {
  const auto* it = std::ranges::find(kTypes, name, &SafetensorsType::name);
  return it == std::end(kTypes) ? nullptr : it;
}

int64_t parse_header_length(const std::byte* first, int64_t file_bytes, const std::string& where) {
  require_runtime(file_bytes >= kLengthBytes, where, "a file must have at least ", kLengthBytes,
                  " bytes; got ", file_bytes, ". The file is cut off or of another kind.");
  uint64_t length = 0;
  std::memcpy(&length, first, sizeof(length));
  require_runtime(length <= uint64_t{kMaxHeaderBytes}, where, "the header must have at most ",
                  kMaxHeaderBytes, " bytes; got ", length, ". The file is of another kind.");
  require_runtime(static_cast<int64_t>(length) <= file_bytes - kLengthBytes, where,
                  "the header must end within the file; got a header of ", length,
                  " bytes in a file of ", file_bytes, ". The file is cut off.");
  return static_cast<int64_t>(length);
}

SafetensorsHeader parse_header(std::string_view json, int64_t file_bytes,
                               const std::string& where) {
  // The JSON library would skip a byte-order mark and take a NUL for the end of the text.
  const size_t begin = json.find_first_not_of(" \t\r\n");
  require_runtime(begin != std::string_view::npos && json[begin] == '{', where,
                  "the header must be a JSON object; got another beginning. "
                  "The file is of another kind.");
  const size_t nul = json.find('\0');
  require_runtime(nul == std::string_view::npos, where,
                  "the header must be one JSON object in UTF-8; got a NUL at byte ",
                  kLengthBytes + static_cast<int64_t>(nul), ". The file is damaged.");
  HeaderHandler handler(where);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  SafetensorsHeader header = handler.take();
  header.data_begin = kLengthBytes + static_cast<int64_t>(json.size());
  std::ranges::sort(header.entries, {}, [](const SafetensorsEntry& entry) {
    return std::tuple(entry.begin, entry.end, std::string_view(entry.name));
  });
  check_ranges(header, file_bytes - header.data_begin, where);
  return header;
}

}  // namespace tessera
