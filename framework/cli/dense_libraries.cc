#include "framework/cli/dense_libraries.h"

#include <Eigen/Core>
#include <memory>

#include "framework/autograd/autograd.h"
#include "framework/backend/cpu.h"

#ifdef TESSERA_ONEDNN
#include "framework/backend/onednn.h"
#endif
#ifdef TESSERA_OPENBLAS
#include <cblas.h>
#endif

namespace tessera {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

DenseKernel eigen_gemm(const Tensor& x, const Tensor& weight) {
  Tensor y = Tensor::empty({x.dim(0), weight.dim(0)});
  return {"Eigen", [=]() mutable {
            const Eigen::Map<const Matrix> a(x.data<float>(), x.dim(0), x.dim(1));
            const Eigen::Map<const Matrix> b(weight.data<float>(), weight.dim(0), weight.dim(1));
            Eigen::Map<Matrix>(y.data<float>(), y.dim(0), y.dim(1)).noalias() = a * b.transpose();
          }};
}

#ifdef TESSERA_OPENBLAS
DenseKernel openblas_gemm(const Tensor& x, const Tensor& weight) {
  Tensor y = Tensor::empty({x.dim(0), weight.dim(0)});
  openblas_set_num_threads(cpu().threads());
  return {"OpenBLAS", [=]() mutable {
            const auto m = static_cast<blasint>(x.dim(0)), k = static_cast<blasint>(x.dim(1));
            const auto n = static_cast<blasint>(weight.dim(0));
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0f, x.data<float>(), k,
                        weight.data<float>(), k, 0.0f, y.data<float>(), n);
          }};
}
#endif

#ifdef TESSERA_ONEDNN
using Memory = dnnl::memory;

/// `tensor` copied to the format that a primitive wants.
Memory in_format(const Tensor& tensor, const Memory::desc& plain, const Memory::desc& wanted) {
  Memory source = onednn_memory(plain, tensor.raw());
  Memory copy(wanted, onednn_engine());
  dnnl::reorder(source, copy).execute(onednn_stream(), source, copy);
  onednn_stream().wait();
  return copy;
}

DenseKernel onednn_kernel(std::string name, dnnl::primitive primitive, Memory x, Memory weight,
                          const Memory::desc& y) {
  const Memory out(y, onednn_engine());
  return {std::move(name), [=] {
            primitive.execute(onednn_stream(),
                              {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weight}, {DNNL_ARG_DST, out}});
            onednn_stream().wait();
          }};
}

Memory::desc f32_desc(const Memory::dims& dims, Memory::format_tag tag) {
  return {dims, Memory::data_type::f32, tag};
}

DenseKernel onednn_gemm(const Tensor& x, const Tensor& weight) {
  using Tag = Memory::format_tag;
  const Memory::dims xs{x.dim(0), x.dim(1)}, ws{weight.dim(0), weight.dim(1)};
  const dnnl::inner_product_forward::primitive_desc desc(
      {dnnl::prop_kind::forward_inference, f32_desc(xs, Tag::any), f32_desc(ws, Tag::any),
       f32_desc({xs[0], ws[0]}, Tag::any)},
      onednn_engine());
  return onednn_kernel("oneDNN", dnnl::inner_product_forward(desc),
                       in_format(x, f32_desc(xs, Tag::nc), desc.src_desc()),
                       in_format(weight, f32_desc(ws, Tag::oi), desc.weights_desc()),
                       desc.dst_desc());
}

DenseKernel onednn_convolution(std::string name, dnnl::algorithm algorithm, const Tensor& x,
                               const Tensor& weight, const Conv2dOptions& options) {
  using Tag = Memory::format_tag;
  const auto dims = [](const Shape& shape) {
    return Memory::dims{shape[0], shape[1], shape[2], shape[3]};
  };
  const auto pair = [](const std::array<int64_t, 2>& values, int64_t minus) {
    return Memory::dims{values[0] - minus, values[1] - minus};
  };
  const Memory::dims xs = dims(x.shape());
  const Memory::dims ys = dims(conv2d_shape(x.shape(), weight.shape(), options));
  Memory::dims ws = dims(weight.shape());
  const bool grouped = options.groups > 1;
  if (grouped) ws = {options.groups, ws[0] / options.groups, ws[1], ws[2], ws[3]};
  const Memory::dims padding = pair(options.padding, 0);
  const dnnl::convolution_forward::primitive_desc desc(
      {dnnl::prop_kind::forward_inference, algorithm, f32_desc(xs, Tag::any),
       f32_desc(ws, Tag::any), f32_desc(ys, Tag::any), pair(options.stride, 0),
       pair(options.dilation, 1), padding, padding},
      onednn_engine());
  return onednn_kernel(
      std::move(name), dnnl::convolution_forward(desc),
      in_format(x, f32_desc(xs, Tag::nhwc), desc.src_desc()),
      in_format(weight, f32_desc(ws, grouped ? Tag::goihw : Tag::oihw), desc.weights_desc()),
      desc.dst_desc());
}
#endif

}  // namespace

std::vector<DenseKernel> dense_gemms(const Tensor& x, const Tensor& weight) {
  std::vector<DenseKernel> kernels{eigen_gemm(x, weight)};
#ifdef TESSERA_ONEDNN
  kernels.push_back(onednn_gemm(x, weight));
#endif
#ifdef TESSERA_OPENBLAS
  kernels.push_back(openblas_gemm(x, weight));
#endif
  return kernels;
}

std::vector<DenseKernel> dense_convolutions(const Tensor& x, const Tensor& weight,
                                            const Conv2dOptions& options) {
#ifdef TESSERA_ONEDNN
  using dnnl::algorithm;
  std::vector<DenseKernel> kernels{
      onednn_convolution("oneDNN", algorithm::convolution_direct, x, weight, options)};
  try {
    kernels.push_back(
        onednn_convolution("oneDNN Winograd", algorithm::convolution_winograd, x, weight, options));
  } catch (const dnnl::error&) {
    // It has such a kernel for 3 x 3, stride 1, and some processors only.
  }
  return kernels;
#else
  return {{"Eigen im2col", [=] {
             const NoGrad no_grad;
             conv2d(x, weight, {}, options);
           }}};
#endif
}

}  // namespace tessera
