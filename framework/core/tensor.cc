#include "framework/core/tensor.h"

#include <algorithm>

#include "framework/core/device_memory.h"

namespace tessera {
namespace {

/// Calls `f.template operator()<T>()` with the element type.
template <class F>
decltype(auto) dispatch_any(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::bf16:
      return f.template operator()<bf16>();
    case DType::f16:
      return f.template operator()<f16>();
    case DType::i64:
      return f.template operator()<int64_t>();
    case DType::i32:
      return f.template operator()<int32_t>();
    case DType::u8:
      return f.template operator()<uint8_t>();
  }
  fail("[tensor] the type must be a known one; got ", static_cast<int>(dtype), ".");
}

template <class T>
constexpr bool is_half = std::is_same_v<T, bf16> || std::is_same_v<T, f16>;

template <class To, class From>
To convert(From value) {
  if constexpr (is_half<From>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (is_half<To>) {
    return To(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

void check_layout(const Shape& shape, Layout layout) {
  require(layout != Layout::nhwc || shape.rank() == 4,
          "[tensor] layout nhwc needs rank 4; got shape ", shape, ".");
  require(layout != Layout::panels || shape.rank() == 2,
          "[tensor] layout panels needs rank 2; got shape ", shape, ".");
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, TensorOptions options) {
  check_layout(shape, options.layout);
  Tensor out;
  out.impl_ = std::make_shared<Impl>();
  out.impl_->shape = shape;
  out.impl_->options = options;
  out.impl_->storage =
      std::make_shared<Storage>(shape.numel() * size_of(options.dtype), options.device);
  return out;
}

Tensor Tensor::zeros(const Shape& shape, TensorOptions options) {
  Tensor out = empty(shape, options);
  if constexpr (kCudaBuild) {
    if (!options.device.is_cpu()) {
      device_memory::set_zero(options.device, out.raw(), out.nbytes());
      return out;
    }
  }
  std::memset(out.raw(), 0, static_cast<size_t>(out.nbytes()));
  return out;
}

Tensor Tensor::full(const Shape& shape, double value, TensorOptions options) {
  Tensor out = empty(shape, options);
  out.fill(value);
  return out;
}

void Tensor::fill(double value) {
  if constexpr (kCudaBuild)
    if (!device().is_cpu()) return device_memory::fill(device(), raw(), dtype(), numel(), value);
  dispatch_any(dtype(), [&]<class T>() { std::fill_n(data<T>(), numel(), convert<T>(value)); });
}

double Tensor::item() const {
  require(numel() == 1, "[item] the tensor must hold one element; got shape ", shape(), ".");
  const Tensor here = to(Device{});
  return dispatch_any(dtype(), [&]<class T>() { return convert<double>(*here.data<T>()); });
}

Tensor Tensor::alias(const Shape& shape, Layout layout) const {
  require(shape.numel() == numel(), "[alias] the number of elements must stay; got ", shape,
          " for shape ", this->shape(), ".");
  check_layout(shape, layout);
  Tensor out;
  out.impl_ = std::make_shared<Impl>(Impl{impl().storage, shape, impl().options, nullptr});
  out.impl_->options.layout = layout;
  return out;
}

Tensor Tensor::clone() const {
  Tensor out = empty_like(*this);
  out.copy_from(*this);
  return out;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  Tensor out = empty(shape(), {dtype, layout(), device()});
  if constexpr (kCudaBuild) {
    if (!device().is_cpu()) {
      device_memory::convert(device(), out.raw(), dtype, raw(), this->dtype(), numel());
      return out;
    }
  }
  dispatch_any(this->dtype(), [&]<class From>() {
    dispatch_any(dtype, [&]<class To>() {
      std::transform(data<From>(), data<From>() + numel(), out.data<To>(), convert<To, From>);
    });
  });
  return out;
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  Tensor out = empty(shape(), {dtype(), layout(), device});
  out.copy_from(*this);
  return out;
}

void Tensor::copy_from(const Tensor& source) {
  require(source.shape() == shape() && source.dtype() == dtype() && source.layout() == layout(),
          "[copy_from] source and target must agree in shape, type and layout; got ", source,
          " into ", *this, ".");
  if constexpr (kCudaBuild)
    if (!device().is_cpu() || !source.device().is_cpu())
      return device_memory::copy(device(), raw(), source.device(), source.raw(), nbytes());
  std::memcpy(raw(), source.raw(), static_cast<size_t>(nbytes()));
}

void Tensor::increment() {
  require(numel() == 1, "[increment] the tensor must hold one element; got ", *this, ".");
  int64_t* const counter = data<int64_t>();
  if constexpr (kCudaBuild)
    if (!device().is_cpu()) return device_memory::increment(device(), counter);
  ++*counter;
}

void Tensor::move_to(Device device) {
  if (device == this->device()) return;
  impl().storage = to(device).impl().storage;
  impl().options.device = device;
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  out << tensor.dtype() << tensor.shape();
  if (tensor.layout() != Layout::row_major) out << ' ' << tensor.layout();
  if (!tensor.device().is_cpu()) out << " on " << tensor.device();
  return out;
}

}  // namespace tessera
