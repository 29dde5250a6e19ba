#include "datasets/glyphs.h"

#include <Eigen/Dense>
#include <array>

#include "datasets/glyph_strokes.h"
#include "framework/backend/cpu.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int kPixels = kGlyphSize * kGlyphSize;
using Pixels = std::array<uint8_t, kPixels>;

Pixels draw(uint64_t seed, GlyphSplit split, int64_t index) {
  Pixels out;
  draw_glyph(seed, split, index, out);
  return out;
}

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix to_matrix(const Dataset& data) {
  Matrix out(data.size(), kPixels + 1);
  Bytes pixels(kPixels);
  for (int64_t i = 0; i < data.size(); ++i) {
    data.read(i, pixels);
    for (int k = 0; k < kPixels; ++k)
      out(i, k) = (static_cast<float>(pixels[static_cast<size_t>(k)]) / 255 - 0.23f) / 0.22f;
    out(i, kPixels) = 1;
  }
  return out;
}

/// Test accuracy of a softmax of the pixels, trained by gradient descent in batches of one of each
/// character.
double softmax_accuracy(const Dataset& train, const Dataset& test, int epochs) {
  const Matrix x = to_matrix(train);
  Matrix w = Matrix::Zero(kPixels + 1, kGlyphClasses);
  const int64_t batches = train.size() / kGlyphClasses;
  for (int64_t step = 0; step < epochs * batches; ++step) {
    const auto batch = x.middleRows(step % batches * kGlyphClasses, kGlyphClasses);
    Matrix p = batch * w;
    p = (p.colwise() - p.rowwise().maxCoeff()).array().exp().matrix();
    p = p.array().colwise() / p.rowwise().sum().array();
    p -= Matrix::Identity(kGlyphClasses, kGlyphClasses);  // sample i of a batch is of class i
    const double done = static_cast<double>(step) / static_cast<double>(epochs * batches);
    w -= static_cast<float>(0.004 * (1 - done)) * (batch.transpose() * p);
  }
  const Matrix scores = to_matrix(test) * w;
  int64_t right = 0;
  for (int64_t i = 0; i < test.size(); ++i) {
    Eigen::Index best = 0;
    scores.row(i).maxCoeff(&best);
    right += best == test.label(i);
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

}  // namespace

TEST_CASE("glyphs: a sample is a function of seed, split and index") {
  CHECK(draw(1, GlyphSplit::train, 5) == draw(1, GlyphSplit::train, 5));
  CHECK(draw(1, GlyphSplit::train, 5) != draw(2, GlyphSplit::train, 5));
  CHECK(draw(1, GlyphSplit::train, 5) != draw(1, GlyphSplit::test, 5));
  CHECK(draw(1, GlyphSplit::train, 5) != draw(1, GlyphSplit::train, 5 + kGlyphClasses));
}

TEST_CASE("glyphs: the data set holds what draw_glyph draws, whatever the threads") {
  const int threads = cpu().threads();
  for (const int count : {1, 3}) {
    cpu().set_threads(count);
    const DatasetPtr data = make_glyphs(500, GlyphSplit::test, 9);
    REQUIRE(data->size() == 500);
    for (const int64_t i : {0, 166, 167, 499}) {
      Pixels got;
      data->read(i, got);
      CHECK(got == draw(9, GlyphSplit::test, i));
      CHECK(data->label(i) == i % kGlyphClasses);
    }
  }
  cpu().set_threads(threads);
  const DatasetPtr data = make_glyphs(1, GlyphSplit::train);
  CHECK(data->info().num_classes() == 36);
  CHECK(data->info().class_names[10] == "A");
  CHECK(data->info().shape == ImageShape{1, 32, 32});
  CHECK_THROWS_AS(make_glyphs(0, GlyphSplit::train), std::invalid_argument);
}

TEST_CASE("glyphs: strokes stay in their box, and every character has its own") {
  for (int a = 0; a < kGlyphClasses; ++a) {
    REQUIRE(glyph_strokes(a).size() >= 3);
    CHECK_FALSE(glyph_strokes(a).front().pen_down);
    for (const GlyphPoint& point : glyph_strokes(a)) {
      CHECK(std::abs(point.x - 0.5f) <= 0.5f);
      CHECK(std::abs(point.y - 0.5f) <= 0.57f);  // Q's tail hangs below
    }
  }
}

TEST_CASE("glyphs: the ink stands out, and is not all that varies") {
  for (int64_t i = 0; i < 3 * kGlyphClasses; ++i) {
    const Pixels pixels = draw(0, GlyphSplit::train, i);
    const auto [low, high] = std::minmax_element(pixels.begin(), pixels.end());
    CHECK(*high - *low > 100);
  }
}

TEST_CASE("glyphs: a softmax of the pixels learns something but stays under 80%") {
  const DatasetPtr train = make_glyphs(100 * kGlyphClasses, GlyphSplit::train);
  const DatasetPtr test = make_glyphs(30 * kGlyphClasses, GlyphSplit::test);
  const double accuracy = softmax_accuracy(*train, *test, 8);
  MESSAGE("linear accuracy: ", accuracy);
  CHECK(accuracy > 0.25);
  CHECK(accuracy < 0.80);
}
