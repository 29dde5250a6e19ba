// cuDNN where it has an engine, else direct kernels: one thread an element of the output, or one
// block a weight, with the loops of conv2d_geometry.h.
//
// Halves with fewer than kStemChannels channels, a network's images, get zeros beside them: the
// library's kernels for tensor cores read whole packs of channels, and are several times faster.

#include "framework/ops/columns_cuda.h"
#include "framework/ops/conv2d_cudnn.h"
#include "framework/ops/conv2d_geometry.h"

namespace tessera {
namespace {

constexpr const char* kOp = "conv2d";

__device__ int64_t first_element() { return blockIdx.x * int64_t{blockDim.x} + threadIdx.x; }
__device__ int64_t all_threads() { return int64_t{gridDim.x} * blockDim.x; }

template <class To, class From>
__global__ void to_krsc_kernel(const From* weight, int64_t n, int64_t Cg, int64_t taps,
                               To* filters) {
  for (int64_t i = first_element(); i < n; i += all_threads())
    filters[i] =
        static_cast<To>(static_cast<Accumulator<From>>(weight[row_major_from_krsc(i, Cg, taps)]));
}

template <class To, class From>
__global__ void from_krsc_kernel(const From* filters, int64_t n, int64_t Cg, int64_t taps,
                                 To* weight) {
  for (int64_t i = first_element(); i < n; i += all_threads())
    weight[row_major_from_krsc(i, Cg, taps)] =
        static_cast<To>(static_cast<Accumulator<From>>(filters[i]));
}

template <class T>
__global__ void forward_kernel(Conv2dGeometry g, int64_t n, const T* x, const T* filters, T* y) {
  for (int64_t i = first_element(); i < n; i += all_threads())
    y[i] = static_cast<T>(conv2d_output<Accumulator<T>>(g, x, filters, i));
}

template <class T>
__global__ void backward_input_kernel(Conv2dGeometry g, int64_t n, const T* dy, const T* filters,
                                      T* dx) {
  for (int64_t i = first_element(); i < n; i += all_threads())
    dx[i] = static_cast<T>(conv2d_input_gradient<Accumulator<T>>(g, dy, filters, i));
}

template <class T>
__global__ void backward_weight_kernel(Conv2dGeometry g, const T* x, const T* dy, T* dfilters) {
  ColumnSum<Accumulator<T>> sum[1];
  sum[0].value =
      conv2d_weight_gradient<Accumulator<T>>(g, x, dy, blockIdx.x, threadIdx.y, blockDim.y);
  merge_rows(sum);
  if (threadIdx.y == 0) dfilters[blockIdx.x] = static_cast<T>(sum[0].value);
}

// 8 bytes of halves; cuDNN has first-layer kernels for it.
constexpr int kStemChannels = 4;
// Windows of 3 x 3 gain nothing (ResNet-18 and VGG-16-BN at 32 pixels), ResNet-50's of 7 x 7 an
// eighth of a whole step.
constexpr int64_t kSmallWindow = 9;

template <class T>
__global__ void widen_kernel(const T* from, int64_t rows, int64_t C, T* to) {
  for (int64_t row = first_element(); row < rows; row += all_threads()) {
    Pack<T, kStemChannels> pack;
#pragma unroll
    for (int c = 0; c < kStemChannels; ++c)
      pack.values[c] = c < C ? from[row * C + c] : static_cast<T>(0.0f);
    store_pack(to + row * kStemChannels, pack);
  }
}

template <class T>
__global__ void narrow_kernel(const T* from, int64_t rows, int64_t C, T* to) {
  for (int64_t row = first_element(); row < rows; row += all_threads())
    for (int64_t c = 0; c < C; ++c) to[row * C + c] = from[row * kStemChannels + c];
}

/// REQUIRES: x and filters fit each other.
bool is_stem(const Tensor& x, const Tensor& filters, const Conv2dOptions& options) {
  const bool half = x.dtype() == DType::bf16 || x.dtype() == DType::f16;
  return half && x.dim(1) < kStemChannels && options.groups == 1 &&
         filters.dim(2) * filters.dim(3) > kSmallWindow;
}

Tensor empty_widened(const Tensor& narrow) {
  const Shape& s = narrow.shape();
  return Tensor::empty({s[0], kStemChannels, s[2], s[3]},
                       {narrow.dtype(), Layout::nhwc, narrow.device()});
}

/// x or filters with zeros as further channels.
Tensor widened(const Cuda& cuda, const Tensor& narrow) {
  const int64_t rows = narrow.numel() / narrow.dim(1);
  Tensor wide = empty_widened(narrow);
  dispatch_cuda_float(kOp, narrow.dtype(), [&]<class T>() {
    cuda.launch_elements(kOp, widen_kernel<T>, rows, device_data<T>(narrow), rows, narrow.dim(1),
                         device_data<T>(wide));
  });
  return wide;
}

void narrow(const Cuda& cuda, const Tensor& wide, Tensor& out) {
  const int64_t rows = out.numel() / out.dim(1);
  dispatch_cuda_float(kOp, out.dtype(), [&]<class T>() {
    cuda.launch_elements(kOp, narrow_kernel<T>, rows, device_data<T>(wide), rows, out.dim(1),
                         device_data<T>(out));
  });
}

/// Whether [out, in/groups, R, S] lies in memory as [out][R][S][in/groups] does.
bool is_ordered_alike(const Shape& weight) { return weight[1] == 1 || weight[2] * weight[3] == 1; }

/// The gradient of the weight from that of the filters: its order, and its type.
void from_filters(const Cuda& cuda, const Tensor& dfilters, Tensor& dweight) {
  dispatch_cuda_float(kOp, dfilters.dtype(), [&]<class From>() {
    dispatch_parameter<From>(dweight.dtype(), [&]<class To>() {
      cuda.launch_elements(kOp, from_krsc_kernel<To, From>, dweight.numel(),
                           device_data<From>(dfilters), dweight.numel(), dweight.dim(1),
                           dweight.dim(2) * dweight.dim(3), device_data<To>(dweight));
    });
  });
}

bool runs_in_cudnn(const Tensor& x, const Tensor& y) {
  return x.dtype() != DType::f64 && x.numel() > 0 && y.numel() > 0;
}

bool cudnn_filters_gradient(Cuda& cuda, const Tensor& x, const Tensor& dy,
                            const Conv2dOptions& options, Tensor& dfilters) {
  constexpr auto kPass = Conv2dPass::backward_weight;
  if (!runs_in_cudnn(x, dy)) return false;
  if (!is_stem(x, dfilters, options)) return cudnn_conv2d(cuda, kPass, x, dfilters, dy, options);
  const Tensor wide = empty_widened(dfilters);
  if (!cudnn_conv2d(cuda, kPass, widened(cuda, x), wide, dy, options)) return false;
  narrow(cuda, wide, dfilters);
  return true;
}

bool cudnn_forward(Cuda& cuda, const Tensor& x, const Tensor& filters, const Conv2dOptions& options,
                   const Conv2dEpilogue& epilogue, Tensor& y) {
  constexpr auto kPass = Conv2dPass::forward;
  if (!runs_in_cudnn(x, y)) return false;
  if (!is_stem(x, filters, options))
    return cudnn_conv2d(cuda, kPass, x, filters, y, options, epilogue);
  return cudnn_conv2d(cuda, kPass, widened(cuda, x), widened(cuda, filters), y, options, epilogue);
}

void filters_gradient(Cuda& cuda, const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                      Tensor& dfilters) {
  if (cudnn_filters_gradient(cuda, x, dy, options, dfilters)) return;
  const Conv2dGeometry g(x.shape(), dfilters.shape(), dy.shape(), options);
  dispatch_cuda_float(kOp, x.dtype(), [&]<class T>() {
    cuda.launch(kOp, backward_weight_kernel<T>, dim3(static_cast<unsigned>(dfilters.numel())),
                dim3(1, kThreadsPerBlock),
                merge_bytes<ColumnSum<Accumulator<T>>>(kThreadsPerBlock, 1), g, device_data<T>(x),
                device_data<T>(dy), device_data<T>(dfilters));
  });
}

}  // namespace

Tensor conv2d_filters(Cuda& cuda, const Tensor& weight, DType x) {
  if (is_ordered_alike(weight.shape())) return weight.to(x).alias(weight.shape(), Layout::nhwc);
  Tensor filters = Tensor::empty(weight.shape(), {x, Layout::nhwc, weight.device()});
  dispatch_cuda_float(kOp, x, [&]<class To>() {
    dispatch_parameter<To>(weight.dtype(), [&]<class From>() {
      cuda.launch_elements(kOp, to_krsc_kernel<To, From>, weight.numel(), device_data<From>(weight),
                           weight.numel(), weight.dim(1), weight.dim(2) * weight.dim(3),
                           device_data<To>(filters));
    });
  });
  return filters;
}

void conv2d_forward(Cuda& cuda, const Tensor& x, const Tensor& filters, const Tensor& bias,
                    const Conv2dOptions& options, Tensor& y) {
  if (!cudnn_forward(cuda, x, filters, options, {}, y)) {
    const Conv2dGeometry g(x.shape(), filters.shape(), y.shape(), options);
    dispatch_cuda_float(kOp, x.dtype(), [&]<class T>() {
      cuda.launch_elements(kOp, forward_kernel<T>, y.numel(), g, y.numel(), device_data<T>(x),
                           device_data<T>(filters), device_data<T>(y));
    });
  }
  if (bias.defined()) add_to_columns(cuda, kOp, bias, y.dim(0) * y.dim(2) * y.dim(3), y);
}

void conv2d_fused_forward(Cuda& cuda, const Tensor& x, const Tensor& filters,
                          const Conv2dEpilogue& epilogue, const Conv2dOptions& options, Tensor& y) {
  Conv2dEpilogue of_one_type = epilogue;
  if (epilogue.bias.defined()) of_one_type.bias = epilogue.bias.to(x.dtype());
  if (cudnn_forward(cuda, x, filters, options, of_one_type, y)) return;
  conv2d_forward(cuda, x, filters, {}, options, y);
  finish_columns(cuda, kOp,
                 {.shift = epilogue.bias, .residual = epilogue.residual, .relu = epilogue.relu},
                 y.dim(0) * y.dim(2) * y.dim(3), y);
}

void conv2d_backward_input(Cuda& cuda, const Tensor& dy, const Tensor& filters,
                           const Conv2dOptions& options, Tensor& dx) {
  if (runs_in_cudnn(dx, dy) &&
      cudnn_conv2d(cuda, Conv2dPass::backward_input, dx, filters, dy, options))
    return;
  const Conv2dGeometry g(dx.shape(), filters.shape(), dy.shape(), options);
  dispatch_cuda_float(kOp, dy.dtype(), [&]<class T>() {
    cuda.launch_elements(kOp, backward_input_kernel<T>, dx.numel(), g, dx.numel(),
                         device_data<T>(dy), device_data<T>(filters), device_data<T>(dx));
  });
}

void conv2d_backward_weight(Cuda& cuda, const Tensor& x, const Tensor& dy,
                            const Conv2dOptions& options, Tensor& dweight, Tensor& dbias) {
  const bool in_place = is_ordered_alike(dweight.shape()) && dweight.dtype() == x.dtype();
  Tensor dfilters = in_place
                        ? dweight.alias(dweight.shape(), Layout::nhwc)
                        : Tensor::empty(dweight.shape(), {x.dtype(), Layout::nhwc, x.device()});
  filters_gradient(cuda, x, dy, options, dfilters);
  if (!in_place) from_filters(cuda, dfilters, dweight);
  if (dbias.defined()) sum_columns(cuda, kOp, dy, dy.dim(0) * dy.dim(2) * dy.dim(3), dbias);
}

}  // namespace tessera
