// Tensor: a handle on a dense block of elements with a shape, a type, a layout and a device.
// Copying a Tensor copies the handle; clone() copies the elements. Ops live in framework/ops.
// A tensor may take part in automatic differentiation (framework/autograd).
#pragma once

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "framework/core/device.h"
#include "framework/core/dtype.h"
#include "framework/core/shape.h"
#include "framework/core/storage.h"

namespace tessera {

struct AutogradMeta;  // framework/autograd/autograd.h

struct TensorOptions {
  DType dtype = DType::f32;
  Layout layout = Layout::row_major;
  Device device = {};
};

class Tensor {
 public:
  /// Undefined: only defined(), assignment and destruction are valid.
  Tensor() = default;

  /// Elements undefined. Throws std::invalid_argument where the layout does not fit the rank.
  static Tensor empty(const Shape& shape, TensorOptions options = {});
  static Tensor zeros(const Shape& shape, TensorOptions options = {});
  static Tensor full(const Shape& shape, double value, TensorOptions options = {});
  /// REQUIRES: values.size() == shape.numel().
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape,
                     Layout layout = Layout::row_major);
  /// Same shape, type, layout and device as `like`; elements undefined.
  static Tensor empty_like(const Tensor& like) { return empty(like.shape(), like.options()); }
  static Tensor zeros_like(const Tensor& like) { return zeros(like.shape(), like.options()); }

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  int64_t dim(int axis) const { return impl().shape[axis]; }
  int rank() const { return impl().shape.rank(); }
  int64_t numel() const { return impl().shape.numel(); }
  int64_t nbytes() const { return numel() * size_of(dtype()); }
  DType dtype() const { return impl().options.dtype; }
  Layout layout() const { return impl().options.layout; }
  Device device() const { return impl().options.device; }
  const TensorOptions& options() const { return impl().options; }

  /// Elements on a CUDA device are for its kernels only: the host must not touch them.
  std::byte* raw() { return impl().storage->data(); }
  const std::byte* raw() const { return impl().storage->data(); }
  /// Throws: std::invalid_argument when T is not the element type.
  template <class T>
  T* data() {
    check_type(dtype_of<T>);
    return reinterpret_cast<T*>(raw());
  }
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>);
    return reinterpret_cast<const T*>(raw());
  }
  /// The elements in memory order, brought to the host. For tests, metrics and I/O.
  template <class T>
  std::vector<T> to_vector() const {
    const Tensor here = to(Device{});
    return std::vector<T>(here.data<T>(), here.data<T>() + numel());
  }
  /// The value of a one-element tensor, converted. Throws when there are more. On a CUDA device the
  /// host waits for it.
  double item() const;

  /// The same elements under another shape or layout, without autograd history: for kernels.
  /// REQUIRES: equal numel.
  Tensor alias(const Shape& shape, Layout layout) const;
  Tensor alias(const Shape& shape) const { return alias(shape, Layout::row_major); }
  /// The same elements, without history.
  Tensor detach() const { return alias(shape(), layout()); }
  /// A copy of the elements, without history.
  Tensor clone() const;
  /// Converted element by element, without history; the same handle when nothing changes.
  Tensor to(DType dtype) const;
  /// A copy on another device, without history; the same handle when nothing changes.
  Tensor to(Device device) const;
  /// REQUIRES: equal shape, type and layout; the devices may differ.
  void copy_from(const Tensor& source);
  void fill(double value);
  /// += 1, in the order of the device's work.  REQUIRES: i64, one element.
  void increment();
  /// Moves the elements to another device, for all handles on this tensor; aliases made before
  /// keep the old ones. A gradient stays where it is.
  void move_to(Device device);
  /// Converts the elements to another type, likewise.
  void convert_to(DType dtype);

  /// Identity: equal for two handles on one tensor, different for an alias of it.
  const void* id() const { return impl_.get(); }
  /// No other handle or alias can see the elements: they may be overwritten.
  bool is_unshared() const { return impl_.use_count() == 1 && impl().storage.use_count() == 1; }

  /// Autograd's part of the tensor, made on first use; framework/autograd gives it a meaning.
  bool requires_grad() const;
  Tensor& set_requires_grad(bool value = true);
  /// The gradient accumulated in a leaf by backward(); undefined before that.
  const Tensor& grad() const;
  void set_grad(Tensor grad);
  const std::shared_ptr<AutogradMeta>& autograd() const { return impl().autograd; }
  void set_autograd(std::shared_ptr<AutogradMeta> meta) { impl().autograd = std::move(meta); }

 private:
  struct Impl {
    std::shared_ptr<Storage> storage;
    Shape shape;
    TensorOptions options;
    std::shared_ptr<AutogradMeta> autograd;
  };

  Impl& impl() const {
    if (impl_ == nullptr) fail("[tensor] the tensor must be defined; got an empty handle.");
    return *impl_;
  }
  void check_type(DType wanted) const {
    if (wanted != dtype())
      fail("[tensor] data<", wanted, "> needs a tensor of that type; got ", dtype(), ".");
  }

  std::shared_ptr<Impl> impl_;
};

/// "f32[2, 3]", with the layout where it is not row-major.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

template <class T>
Tensor Tensor::from(const std::vector<T>& values, const Shape& shape, Layout layout) {
  require(static_cast<int64_t>(values.size()) == shape.numel(),
          "[tensor] the number of values must equal the shape's; got ", values.size(),
          " values for shape ", shape, ".");
  Tensor out = empty(shape, {.dtype = dtype_of<T>, .layout = layout});
  if (!values.empty()) std::memcpy(out.raw(), values.data(), values.size() * sizeof(T));
  return out;
}

}  // namespace tessera
