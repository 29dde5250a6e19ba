// Texts as the rows of a batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/text/length_batches.h"
#include "framework/core/tensor.h"

namespace tessera {

struct TextRow {
  std::vector<int32_t> ids;       ///< with special tokens
  std::vector<int32_t> segments;  ///< of equal length; 0: first text, 1: second
};

/// {ids i64 [N, width], lengths i64 [N], segments i64 [N, width]}; places beyond a text hold `pad`
/// and segment 0.
/// REQUIRES: no text is longer than `width`.
std::vector<Tensor> text_inputs(std::span<const TextRow* const> rows, int64_t width, int32_t pad);

/// The length of the longest of them.
int64_t longest_of(std::span<const TextRow* const> rows);

/// Those of `rows`, for LengthBatches. Row: a type with the TextRow `text`.
template <class Row>
std::vector<SampleLength> lengths_of(const std::vector<Row>& rows) {
  std::vector<SampleLength> lengths;
  for (const Row& row : rows) lengths.push_back({.first = std::ssize(row.text.ids)});
  return lengths;
}

/// The texts of the samples `chosen`.
template <class Row>
std::vector<const TextRow*> texts_of(const std::vector<Row>& rows,
                                     const LengthBatches::Samples& chosen) {
  std::vector<const TextRow*> texts;
  for (const int64_t sample : chosen) texts.push_back(&rows[static_cast<size_t>(sample)].text);
  return texts;
}

}  // namespace tessera
