#include "framework/train/teacher.h"

#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/checksum.h"
#include "framework/ops/add.h"
#include "framework/ops/cast.h"
#include "framework/ops/log_softmax.h"
#include "framework/ops/mul.h"
#include "framework/ops/reshape.h"
#include "framework/ops/softmax.h"
#include "framework/ops/sum.h"
#include "layers/precision.h"

namespace tessera {
namespace {

Tensor scaled(const Tensor& x, double factor) {
  return mul(x, Tensor::full({}, factor, {.dtype = x.dtype(), .device = x.device()}));
}

}  // namespace

Tensor distillation_loss(const Tensor& loss, const Tensor& student, const Tensor& teacher,
                         const DistillConfig& config) {
  require(student.shape() == teacher.shape() && student.rank() == 2,
          "[distill] student and teacher must give logits of one shape [rows, classes]; got ",
          student, " and ", teacher, ".");
  const double t = config.temperature;
  const Tensor fixed = scaled(teacher.detach(), 1 / t);
  const Tensor p = softmax(fixed);
  const Tensor log_q = log_softmax(scaled(cast(student, DType::f32), 1 / t));
  const Tensor divergence = sum(mul(p, add(log_softmax(fixed), scaled(log_q, -1))));
  const double weight = config.alpha * t * t / static_cast<double>(student.dim(0));
  return add(scaled(loss, 1 - config.alpha), scaled(divergence, weight));
}

Teacher::Teacher(const std::filesystem::path& weights, std::string& checksum,
                 const DistillConfig& config, DType dtype, Device device)
    : config_(config), dtype_(dtype) {
  const std::string found = sha256_of_file(weights);
  if (checksum.empty()) checksum = found;
  require_runtime(found == checksum, "[distill] the teacher ", weights.string(),
                  " must be the file that the run began with, SHA-256 ", checksum, "; got ", found,
                  ". Put it back, or start again with --overwrite.");
  model_ = load_model(read_model_file(weights), weights).model;
  model_->to(device);
  model_->set_training(false);
}

Tensor Teacher::add_to(const Tensor& loss, const Tensor& logits,
                       const std::vector<Tensor>& inputs) const {
  Tensor teacher;
  {
    NoGrad no_grad;
    teacher = reshape(forward_in(dtype_, *model_, inputs), logits.shape());
  }
  return distillation_loss(loss, logits, teacher, config_);
}

}  // namespace tessera
