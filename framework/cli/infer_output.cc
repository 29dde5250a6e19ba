#include "framework/cli/infer_output.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace tessera {
namespace {

using nlohmann::ordered_json;

void print(const ordered_json& object) {
  std::cout << object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << "\n";
}

ordered_json classes_json(const std::vector<ClassProbability>& classes) {
  ordered_json list = ordered_json::array();
  for (const ClassProbability& guess : classes)
    list.push_back({{"class", guess.name}, {"probability", guess.probability}});
  return list;
}

}  // namespace

std::string classes_text(const std::vector<ClassProbability>& classes) {
  std::ostringstream out;
  for (const ClassProbability& guess : classes)
    out << (&guess == classes.data() ? "" : "  ") << guess.name << " " << std::fixed
        << std::setprecision(4) << guess.probability;
  return out.str();
}

void print_json(const std::string& input, const std::vector<ClassProbability>& classes) {
  print({{"input", input}, {"classes", classes_json(classes)}});
}

void print_json(const UnreadableImage& image) {
  print({{"input", image.path.string()}, {"error", image.error}});
}

void print_json(const std::string& text, bool is_cut, AnswerKind kind, const TextAnswer& answer) {
  ordered_json object = {{"input", text}};
  if (is_cut) object["cut"] = true;
  const char* const name = kind == AnswerKind::classes        ? "classes"
                           : kind == AnswerKind::span         ? "answer"
                           : kind == AnswerKind::continuation ? "continuation"
                                                              : "translation";
  if (!answer.is_given) {
    object[name] = nullptr;
  } else if (kind == AnswerKind::classes) {
    object[name] = classes_json(answer.classes);
  } else {
    object[name] = answer.text;
    if (kind == AnswerKind::continuation) {
      object["tokens"] = answer.tokens;
      object["stopped"] = answer.has_ended ? "end" : "length";
    } else {
      object["score"] = answer.score;
    }
  }
  print(object);
}

}  // namespace tessera
