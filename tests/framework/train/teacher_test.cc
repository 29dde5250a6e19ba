#include "framework/train/teacher.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/autograd/autograd.h"
#include "framework/infer/model_file.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/to_layout.h"
#include "framework/train/train_step.h"
#include "layers/models/make_model.h"
#include "tests/cuda_device.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::vector<double> softmax_of(const float* x, int64_t count, double temperature) {
  std::vector<double> out;
  double sum = 0;
  for (int64_t c = 0; c < count; ++c) sum += out.emplace_back(std::exp(x[c] / temperature));
  for (double& value : out) value /= sum;
  return out;
}

ModelCard mlp_card() {
  ModelCard card;
  card.model.type = "mlp";
  card.model.hidden = {12};
  card.model.dropout = 0.5;
  card.model.num_classes = 3;
  card.model.in_channels = 1;
  card.model.image_size = 4;
  card.dataset = "glyphs";
  card.channels = 1;
  card.height = card.width = 4;
  return card;
}

std::unique_ptr<Module> mlp(uint64_t seed) {
  return make_model(mlp_card().model, {.channels = 1, .height = 4, .width = 4, .classes = 3}, seed);
}

std::filesystem::path write_teacher(const TemporaryFolder& folder) {
  const auto path = folder.path() / "dense.safetensors";
  write_model_file(path, *mlp(1), mlp_card(), {}, {.format = ExportFormat::dense});
  return path;
}

Tensor images(Device device = {}) {
  std::vector<float> values;
  for (int i = 0; i < 5 * 16; ++i) values.push_back(static_cast<float>(std::sin(i)));
  return to_layout(Tensor::from<float>(values, {5, 1, 4, 4}), Layout::nhwc).to(device);
}

}  // namespace

TEST_CASE("distillation: the loss and its gradient are those of the formula") {
  const std::vector<float> student{1, -2, 0.5f, 3, 0, -1}, teacher{0.5f, 1, -1, 2, 2.5f, -3};
  const std::vector<int64_t> labels{2, 0};
  for (const DistillConfig config :
       {DistillConfig{0.5, 4}, DistillConfig{1, 1}, DistillConfig{0.3, 0.7}, DistillConfig{0, 2}}) {
    CAPTURE(config.alpha);
    CAPTURE(config.temperature);
    Tensor s = Tensor::from<float>(student, {2, 3});
    s.set_requires_grad(true);
    Tensor t = Tensor::from<float>(teacher, {2, 3});
    t.set_requires_grad(true);
    const Tensor loss =
        distillation_loss(cross_entropy(s, Tensor::from<int64_t>(labels, {2})), s, t, config);
    backward(loss);
    CHECK_FALSE(t.grad().defined());

    double expected = 0;
    for (size_t row = 0; row < 2; ++row) {
      const float *sr = &student[3 * row], *tr = &teacher[3 * row];
      const auto plain = softmax_of(sr, 3, 1);
      const auto p = softmax_of(tr, 3, config.temperature);
      const auto q = softmax_of(sr, 3, config.temperature);
      const double scale = config.alpha * config.temperature / 2;  // T^2 / T, mean over 2 rows
      expected -= (1 - config.alpha) / 2 * std::log(plain[static_cast<size_t>(labels[row])]);
      for (size_t c = 0; c < 3; ++c) {
        expected += scale * config.temperature * p[c] * std::log(p[c] / q[c]);
        const double hard = plain[c] - (static_cast<int64_t>(c) == labels[row] ? 1 : 0);
        const double dx = (1 - config.alpha) / 2 * hard + scale * (q[c] - p[c]);
        CHECK(s.grad().data<float>()[3 * row + c] == doctest::Approx(dx).epsilon(1e-5));
      }
    }
    CHECK(loss.item() == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("distillation: logits of two shapes are an error") {
  CHECK_THROWS_WITH_AS(distillation_loss(Tensor::zeros({}), Tensor::zeros({2, 3}),
                                         Tensor::zeros({2, 4}), {.alpha = 0.5}),
                       "[distill] student and teacher must give logits of one shape [rows, "
                       "classes]; got f32[2, 3] and f32[2, 4].",
                       std::invalid_argument);
}

TEST_CASE("a student that is the teacher has nothing to learn, whatever its dropout would do") {
  const TemporaryFolder folder;
  std::string checksum;
  const Teacher teacher(write_teacher(folder), checksum, {.alpha = 1, .temperature = 2}, DType::f32,
                        {});
  CHECK(checksum.size() == 64);
  const auto student = mlp(1);
  student->set_training(false);
  const Tensor logits = student->forward(images());
  const Tensor loss = teacher.add_to(Tensor::full({}, 5), logits, {images()});
  CHECK(std::abs(loss.item()) < 1e-6);
  const auto other = mlp(2);
  other->set_training(false);
  CHECK(teacher.add_to(Tensor::full({}, 5), other->forward(images()), {images()}).item() > 1e-3);
}

TEST_CASE("the teacher's file must stay as it is") {
  const TemporaryFolder folder;
  const auto path = write_teacher(folder);
  std::string checksum;
  const DistillConfig config{.alpha = 0.5};
  Teacher(path, checksum, config, DType::f32, {});
  CHECK_NOTHROW(Teacher(path, checksum, config, DType::f32, {}));
  write_model_file(path, *mlp(2), mlp_card(), {}, {.format = ExportFormat::dense});
  CHECK_THROWS_WITH_AS(Teacher(path, checksum, config, DType::f32, {}),
                       doctest::Contains("must be the file that the run began with"),
                       std::runtime_error);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(Teacher(path, checksum, config, DType::f32, {}), std::runtime_error);
}

TEST_CASE("CUDA: a step with a teacher is recorded, replayed, and learns as on the cpu") {
  if (!has_cuda_device()) return;
  const TemporaryFolder folder;
  const auto path = write_teacher(folder);
  Config config;
  const auto weights_on = [&](Device device) {
    ModelConfig without_dropout = mlp_card().model;
    without_dropout.dropout = 0;
    const auto model =
        make_model(without_dropout, {.channels = 1, .height = 4, .width = 4, .classes = 3}, 2);
    model->to(device);
    std::string checksum;
    const Teacher teacher(path, checksum, {.alpha = 0.5}, DType::f32, device);
    BatchStream batches(Batch{.inputs = {images(device)},
                              .target = Tensor::from<int64_t>({0, 1, 2, 0, 1}, {5}).to(device)});
    TrainStep step(config, *model, device);
    const auto optimizer = make_optimizer(config.optimizer, model->parameters());
    step.begin(*optimizer, nullptr, {}, &teacher);
    for (int64_t i = 0; i < 8; ++i) step.run(batches, i, 0.05);
    CHECK(step.graph_failure() == "");
    CHECK(step.is_replayed() == !device.is_cpu());
    return model->parameters()[0].tensor.to(Device{}).to_vector<float>();
  };
  const auto expected = weights_on({}), actual = weights_on(kCuda);
  for (size_t i = 0; i < expected.size(); ++i)
    CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-3));
}
