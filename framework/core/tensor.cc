#include "framework/core/tensor.h"

#include <algorithm>

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
    case DType::i64:
      return f.template operator()<int64_t>();
    case DType::i32:
      return f.template operator()<int32_t>();
    case DType::u8:
      return f.template operator()<uint8_t>();
  }
  fail("[tensor] the type must be a known one; got ", static_cast<int>(dtype), ".");
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<From, bf16>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bf16>) {
    return bf16(static_cast<float>(value));
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

void check_on_cpu(const char* call, const Tensor& tensor) {
  require(tensor.device().is_cpu(), "[", call, "] the tensor must be on the cpu; got one on ",
          tensor.device(), ".");
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
  check_on_cpu("zeros", out);
  std::memset(out.raw(), 0, static_cast<size_t>(out.nbytes()));
  return out;
}

Tensor Tensor::full(const Shape& shape, double value, TensorOptions options) {
  Tensor out = empty(shape, options);
  out.fill(value);
  return out;
}

void Tensor::fill(double value) {
  check_on_cpu("fill", *this);
  dispatch_any(dtype(), [&]<class T>() { std::fill_n(data<T>(), numel(), convert<T>(value)); });
}

double Tensor::item() const {
  require(numel() == 1, "[item] the tensor must hold one element; got shape ", shape(), ".");
  check_on_cpu("item", *this);
  return dispatch_any(dtype(), [&]<class T>() { return convert<double>(*data<T>()); });
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
  check_on_cpu("to", *this);
  Tensor out = empty(shape(), {dtype, layout(), device()});
  dispatch_any(this->dtype(), [&]<class From>() {
    dispatch_any(dtype, [&]<class To>() {
      std::transform(data<From>(), data<From>() + numel(), out.data<To>(), convert<To, From>);
    });
  });
  return out;
}

void Tensor::copy_from(const Tensor& source) {
  require(source.shape() == shape() && source.dtype() == dtype() && source.layout() == layout(),
          "[copy_from] source and target must agree in shape, type and layout; got ", source,
          " into ", *this, ".");
  check_on_cpu("copy_from", *this);
  check_on_cpu("copy_from", source);
  std::memcpy(raw(), source.raw(), static_cast<size_t>(nbytes()));
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor.defined()) return out << "undefined";
  out << tensor.dtype() << tensor.shape();
  if (tensor.layout() != Layout::row_major) out << ' ' << tensor.layout();
  if (!tensor.device().is_cpu()) out << " on " << tensor.device();
  return out;
}

}  // namespace tessera
