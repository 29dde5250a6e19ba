#include "framework/train/metric_sums.h"

#include <cstring>
#include <type_traits>

namespace tessera {

static_assert(std::is_trivially_copyable_v<MetricValues>);

MetricSums::MetricSums(Device device)
    : values_(Tensor::empty({sizeof(MetricValues)}, {.dtype = DType::u8, .device = device})) {
  set({});
}

void MetricSums::add(const Logits& logits, const Tensor& labels, const Tensor& loss, int64_t part) {
  auto* const values = reinterpret_cast<MetricValues*>(values_.raw());
  on_backend("metrics", logits.values.device(),
             [&](auto& backend) { metrics_add(backend, logits, labels, loss, part, values); });
}

MetricValues MetricSums::read() const {
  const Tensor here = values_.to(Device{});
  MetricValues values;
  std::memcpy(&values, here.raw(), sizeof(values));
  return values;
}

void MetricSums::set(const MetricValues& values) {
  Tensor bytes = Tensor::empty(values_.shape(), {.dtype = DType::u8});
  std::memcpy(bytes.raw(), &values, sizeof(values));
  values_.copy_from(bytes);
}

}  // namespace tessera
