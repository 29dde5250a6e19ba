#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "framework/cli/infer.h"
#include "framework/cli/infer_output.h"
#include "framework/core/errors.h"
#include "framework/infer/compare.h"
#include "framework/infer/plan.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Batches of those images that can be read; the others are named.
class ImageReader {
 public:
  ImageReader(const ModelCard& card, const InferArguments& arguments, Device device)
      : card_(card),
        arguments_(arguments),
        device_(device),
        paths_(find_images({arguments.inputs.begin(), arguments.inputs.end()})) {}

  /// The next images on the device; without paths where all have been read.
  LoadedImages next() {
    LoadedImages batch;
    while (batch.paths.empty() && at_ < paths_.size()) {
      const size_t count =
          std::min(paths_.size() - at_, static_cast<size_t>(arguments_.text.batch_size));
      batch = load_images(card_, std::span(paths_).subspan(at_, count));
      at_ += count;
      for (const UnreadableImage& image : batch.unreadable) report(image);
    }
    if (!batch.paths.empty()) batch.images = batch.images.to(device_);
    return batch;
  }

  size_t count() const { return paths_.size(); }
  size_t unreadable() const { return unreadable_; }

 private:
  void report(const UnreadableImage& image) {
    ++unreadable_;
    std::cerr << "tessera: " << image.error << std::endl;
    if (arguments_.json) print_json(image);
  }

  const ModelCard& card_;
  const InferArguments& arguments_;
  const Device device_;
  const std::vector<fs::path> paths_;
  size_t at_ = 0, unreadable_ = 0;
};

void print_predictions(const std::vector<fs::path>& paths,
                       const std::vector<std::vector<ClassProbability>>& predictions, bool json) {
  for (size_t i = 0; i < paths.size(); ++i) {
    if (json)
      print_json(paths[i].string(), predictions[i]);
    else
      std::cout << paths[i].string() << ":  " << classes_text(predictions[i]) << "\n";
  }
}

void print_comparison(const Comparison& result, std::ostream& out) {
  const double images = static_cast<double>(result.batch_size) * 1000;
  out << std::fixed << std::setprecision(3) << "sparse  " << result.sparse_ms << " ms a batch of "
      << result.batch_size << ", " << std::setprecision(0) << images / result.sparse_ms
      << " images/s\n"
      << std::setprecision(3) << "dense   " << result.dense_ms << " ms, " << std::setprecision(0)
      << images / result.dense_ms << " images/s\n"
      << std::setprecision(3) << result.best_library << "  " << result.best_library_ms
      << " ms\nspeed-up " << std::setprecision(2) << result.speedup
      << "x, largest difference of the outputs " << std::scientific << result.max_abs_diff
      << std::defaultfloat << "\n";
}

}  // namespace

void infer_images(const InferArguments& arguments, const ModelFile& file, Device device) {
  require(!arguments.inputs.empty(), "[infer] --input must name images, since ", arguments.file,
          " classifies images; got none.");
  const LoadedModel loaded = load_model(file, arguments.file);
  loaded.model->to(device);
  ImageReader reader(file.card, arguments, device);
  const DType dtype = arguments.dtype();
  LoadedImages batch = reader.next();
  require_runtime(!batch.paths.empty(), "[infer] the inputs must hold an image that can be read; ",
                  "got ", reader.unreadable(), " that cannot.");
  const Tensor example = batch.images;
  const InferencePlan plan = make_plan(*loaded.model, example, file.tiles, {.dtype = dtype});
  std::ostream& notes = arguments.json ? std::cerr : std::cout;
  if (arguments.show_plan) notes << plan.describe();

  double seconds = 0;
  for (; !batch.paths.empty(); batch = reader.next()) {
    const auto start = std::chrono::steady_clock::now();
    const Tensor logits = plan.run(batch.images).to(Device{});
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    print_predictions(batch.paths, top_classes(logits, file.card, arguments.text.top),
                      arguments.json);
  }
  const size_t read = reader.count() - reader.unreadable();
  notes << read << " images, " << std::fixed << std::setprecision(0)
        << static_cast<double>(read) / seconds << " images/s in the model on " << device << "\n";
  if (arguments.compare_dense)
    print_comparison(compare_with_dense(loaded, file, {example}, dtype), notes);
  require_runtime(reader.unreadable() == 0, "[infer] every image must be readable; got ",
                  reader.unreadable(), " of ", reader.count(), " that are not, named above.");
}

}  // namespace tessera
