#include "datasets/preprocess.h"

#include <algorithm>
#include <cmath>

#include "framework/backend/vectorized.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// Output i is the sum over k of weights[k] * input[begin + k].
struct Window {
  int64_t begin = 0;
  std::vector<float> weights;  // sum: 1
};

std::vector<Window> triangle_windows(int64_t from, int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(step, 1.0);
  std::vector<Window> out(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const auto begin = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - support)));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(std::ceil(centre + support)));
    Window& window = out[static_cast<size_t>(i)];
    window.begin = begin;
    double sum = 0;
    for (int64_t k = begin; k < end; ++k) {
      const double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / support;
      window.weights.push_back(static_cast<float>(std::max(0.0, 1 - distance)));
      sum += window.weights.back();
    }
    for (float& weight : window.weights) weight = static_cast<float>(weight / sum);
  }
  return out;
}

}  // namespace

void resize(const uint8_t* in, ImageShape from, uint8_t* out, ImageShape to) {
  require(from.channels == to.channels &&
              std::min({from.height, from.width, to.height, to.width, from.channels}) > 0,
          "[resize] shapes must have positive extents and equal channels; got ", from, " and ", to,
          ".");
  if (from == to) {
    std::copy(in, in + from.numel(), out);
    return;
  }
  const int64_t channels = from.channels;
  // Across each row first, then down the columns.
  std::vector<float> wide(static_cast<size_t>(from.height * to.width * channels));
  const auto columns = triangle_windows(from.width, to.width);
  for (int64_t y = 0; y < from.height; ++y)
    for (int64_t x = 0; x < to.width; ++x) {
      const Window& window = columns[static_cast<size_t>(x)];
      for (int64_t c = 0; c < channels; ++c) {
        const uint8_t* source = in + (y * from.width + window.begin) * channels + c;
        float sum = 0;
        for (const float weight : window.weights) {
          sum += weight * static_cast<float>(*source);
          source += channels;
        }
        wide[static_cast<size_t>((y * to.width + x) * channels + c)] = sum;
      }
    }
  const auto rows = triangle_windows(from.height, to.height);
  const int64_t row_size = to.width * channels;
  std::vector<float> sums(static_cast<size_t>(row_size));
  for (int64_t y = 0; y < to.height; ++y) {
    const Window& window = rows[static_cast<size_t>(y)];
    std::fill(sums.begin(), sums.end(), 0.0f);
    for (size_t k = 0; k < window.weights.size(); ++k) {
      const float* source = wide.data() + (window.begin + static_cast<int64_t>(k)) * row_size;
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += window.weights[k] * source[i];
    }
    for (size_t i = 0; i < sums.size(); ++i)
      out[y * row_size + static_cast<int64_t>(i)] =
          static_cast<uint8_t>(std::clamp(sums[i] + 0.5f, 0.0f, 255.0f));
  }
}

Normalizer::Normalizer(int64_t channels, const std::vector<double>& mean,
                       const std::vector<double>& std) {
  require(channels > 0, "[normalize] channels must be positive; got ", channels, ".");
  for (const auto* values : {&mean, &std})
    require(values->empty() || static_cast<int64_t>(values->size()) == channels,
            "[normalize] mean and std must have one value for each of the ", channels,
            " channels; got ", values->size(), ".");
  period_ = channels * 16;
  for (int64_t i = 0; i < period_; ++i) {
    const auto c = static_cast<size_t>(i % channels);
    const double m = mean.empty() ? 0 : mean[c], s = std.empty() ? 1 : std[c];
    require(std::isfinite(m) && std::isfinite(s) && s > 0,
            "[normalize] mean must be finite and std positive; got ", m, " and ", s,
            " for channel ", c, ".");
    scale_.push_back(static_cast<float>(1 / (255 * s)));
    shift_.push_back(static_cast<float>(-m / s));
  }
}

void Normalizer::apply(const uint8_t* in, int64_t count, float* out) const {
  const float *const scale = scale_.data(), *const shift = shift_.data();
  const int64_t period = period_;
  vectorized(cpu().isa(), [=] {
    for (int64_t begin = 0; begin < count; begin += period) {
      const int64_t n = std::min(period, count - begin);
      for (int64_t i = 0; i < n; ++i)
        out[begin + i] = static_cast<float>(in[begin + i]) * scale[i] + shift[i];
    }
  });
}

}  // namespace tessera
