#include "framework/cli/infer_output.h"

#include <iomanip>
#include <iostream>
#include <sstream>

namespace tessera {

using nlohmann::ordered_json;

void print_json(const ordered_json& object) {
  std::cout << object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << "\n";
}

ordered_json classes_json(const std::vector<ClassProbability>& classes) {
  ordered_json list = ordered_json::array();
  for (const ClassProbability& guess : classes)
    list.push_back({{"class", guess.name}, {"probability", guess.probability}});
  return list;
}

std::string classes_text(const std::vector<ClassProbability>& classes) {
  std::ostringstream out;
  for (const ClassProbability& guess : classes)
    out << (&guess == classes.data() ? "" : "  ") << guess.name << " " << std::fixed
        << std::setprecision(4) << guess.probability;
  return out.str();
}

}  // namespace tessera
