// What GPT-2's byte-level BPE is built on: how text is cut before merging, and how bytes are
// written as printable characters in vocab.json and merges.txt. Radford et al., "Language Models
// are Unsupervised Multitask Learners", 2019; encoder.py there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// The end of the piece of `text` that starts at `at`: the match there of
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// A byte that is no valid UTF-8 counts as neither letter, number nor space.
/// REQUIRES: at < text.size().
size_t gpt2_piece_end(std::string_view text, size_t at);

/// The character that stands for a byte, in UTF-8: itself where it is printable Latin-1, else one
/// from U+0100 on.
const std::string& byte_symbol(uint8_t byte);

/// The bytes that a token's characters stand for; nothing where one of them stands for none.
std::optional<std::string> symbol_bytes(std::string_view token);

}  // namespace tessera
