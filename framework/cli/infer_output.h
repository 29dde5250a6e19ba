// How `tessera infer` writes its answers.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "framework/infer/predict.h"

namespace tessera {

/// One line on standard output. What is not UTF-8 is written as U+FFFD.
void print_json(const nlohmann::ordered_json& object);

/// [{"class": "cat", "probability": 0.93}, ...]
nlohmann::ordered_json classes_json(const std::vector<ClassProbability>& classes);

/// "cat 0.9300  dog 0.0700"
std::string classes_text(const std::vector<ClassProbability>& classes);

}  // namespace tessera
