#include "framework/core/tensor.h"

#include <algorithm>
#include <utility>

#include "framework/core/device_memory.h"
#include "framework/core/dtype_dispatch.h"

namespace tessera {
namespace {

template <class F>
decltype(auto) dispatch_any(DType dtype, F&& f) {
  return dispatch_dtype<bf16, f16>(dtype, std::forward<F>(f));
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
  dispatch_any(dtype(), [&]<class T>() { std::fill_n(data<T>(), numel(), converted<T>(value)); });
}

double Tensor::item() const {
  require(numel() == 1, "[item] the tensor must hold one element; got shape ", shape(), ".");
  const Tensor here = to(Device{});
  return dispatch_any(dtype(), [&]<class T>() { return converted<double>(*here.data<T>()); });
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
      std::transform(data<From>(), data<From>() + numel(), out.data<To>(), converted<To, From>);
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

void Tensor::convert_to(DType dtype) {
  if (dtype == this->dtype()) return;
  impl().storage = to(dtype).impl().storage;
  impl().options.dtype = dtype;
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  out << tensor.dtype() << tensor.shape();
  if (tensor.layout() != Layout::row_major) out << ' ' << tensor.layout();
  if (!tensor.device().is_cpu()) out << " on " << tensor.device();
  return out;
}

}  // namespace tessera
