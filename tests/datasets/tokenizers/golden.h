// The files of tests/golden/tokenizers, which make_tokenizer_golden.py writes.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace tessera::testing {

inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path("tests/golden/tokenizers") / name;
}

inline std::string golden_text(const std::string& name) {
  std::ifstream in(golden_path(name), std::ios::binary);
  REQUIRE(in.is_open());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline nlohmann::json golden_json(const std::string& name) {
  return nlohmann::json::parse(golden_text(name));
}

inline std::string from_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

}  // namespace tessera::testing
