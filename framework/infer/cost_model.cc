#include "framework/infer/cost_model.h"

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"
#include "framework/sparse/tile_kernel.h"

namespace tessera {
namespace {

using nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kTermNames[] = {"launch", "multiply", "store", "single", "read"};

ordered_json to_json(const CostModel::Coefficients& coefficients) {
  ordered_json json;
  for (size_t i = 0; i < coefficients.size(); ++i) json[kTermNames[i]] = coefficients[i];
  return json;
}

CostModel::Coefficients coefficients_from(const ordered_json& json) {
  CostModel::Coefficients coefficients;
  for (size_t i = 0; i < coefficients.size(); ++i) {
    coefficients[i] = json.at(kTermNames[i]).get<double>();
    require(std::isfinite(coefficients[i]) && coefficients[i] >= 0, kTermNames[i],
            " must be at least 0; got ", coefficients[i]);
  }
  return coefficients;
}

}  // namespace

LayerWork work_of(const TileMatrix& tiles, int64_t columns) {
  const int64_t strip = tile_kernels(cpu().isa()).strip_outputs;
  int64_t products = 0;
  for (size_t t = 0; t + 1 < tiles.n_ptr.size(); ++t) {
    const int64_t outputs = tiles.n_ptr[t + 1] - tiles.n_ptr[t];
    products += (outputs + strip - 1) / strip * strip * (tiles.k_ptr[t + 1] - tiles.k_ptr[t]);
  }
  const double m = static_cast<double>(columns);
  const bool has_window = tiles.shape.rank() == 4 && tiles.shape[2] * tiles.shape[3] > 1;
  return {.terms = {1, m * static_cast<double>(products), m * static_cast<double>(tiles.outputs()),
                    m * static_cast<double>(tiles.tew_values.size()),
                    static_cast<double>(tiles.stored())},
          .is_convolution = has_window};
}

double CostModel::milliseconds(const LayerWork& work) const {
  const Coefficients& coefficients = work.is_convolution ? convolution : linear;
  double ms = 0;
  for (size_t i = 0; i < coefficients.size(); ++i) ms += coefficients[i] * work.terms[i];
  return ms;
}

std::string to_json(const CostModel& model) {
  const ordered_json json{{"version", kVersion},
                          {"isa", model.isa},
                          {"threads", model.threads},
                          {"linear_ms", to_json(model.linear)},
                          {"convolution_ms", to_json(model.convolution)},
                          {"median_error", model.median_error}};
  return json.dump(2) + "\n";
}

CostModel parse_cost_model(const std::string& text, const std::string& origin) {
  try {
    const ordered_json json = ordered_json::parse(text);
    require(json.at("version") == kVersion, "version must be ", kVersion, "; got ",
            json.at("version").dump());
    return {.isa = json.at("isa").get<std::string>(),
            .threads = json.at("threads").get<int>(),
            .linear = coefficients_from(json.at("linear_ms")),
            .convolution = coefficients_from(json.at("convolution_ms")),
            .median_error = json.at("median_error").get<double>()};
  } catch (const std::exception& error) {
    fail_runtime("[calibration] ", origin,
                 " must be a file of `tessera bench --calibrate`; got: ", error.what(),
                 ". Write it again.");
  }
}

std::filesystem::path default_calibration_file() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string file = variable("TESSERA_CALIBRATION"); !file.empty()) return file;
  const std::filesystem::path below = "tessera/calibration.json";
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache / below;
  if (const std::string home = variable("HOME"); !home.empty())
    return std::filesystem::path(home) / ".cache" / below;
  return {};
}

}  // namespace tessera
