// How `tessera infer` writes its answers.
#pragma once

#include <string>
#include <vector>

#include "framework/generate/text_model.h"

namespace tessera {

/// "cat 0.9300  dog 0.0700"
std::string classes_text(const std::vector<ClassProbability>& classes);

/// One object a line on standard output, with `input` first. What is not UTF-8 is written as
/// U+FFFD.
///   {"input": "a.png", "classes": [{"class": "cat", "probability": 0.93}, ...]}
void print_json(const std::string& input, const std::vector<ClassProbability>& classes);
///   {"input": "a.png", "error": ...}
void print_json(const UnreadableImage& image);
///   {"input": "a dog", "classes", "answer", "continuation" or "translation": ..., ...}, with
///   "cut": true
/// where some of the text was left out.
void print_json(const std::string& text, bool is_cut, AnswerKind kind, const TextAnswer& answer);

}  // namespace tessera
