#include "datasets/image_folder.h"

#include "framework/io/image.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

void write_picture(const TemporaryFolder& folder, const std::string& name, uint8_t value,
                   int height = 6, int width = 8) {
  Image image{.height = height, .width = width, .channels = 3, .pixels = {}};
  image.pixels.assign(static_cast<size_t>(height * width * 3), value);
  std::filesystem::create_directories((folder / name).parent_path());
  write_png(folder / name, image);
}

/// Two classes, two training and one test image each.
void write_small_set(const TemporaryFolder& folder) {
  write_picture(folder, "train/dog/1.png", 10);
  write_picture(folder, "train/dog/2.PNG", 20);
  write_picture(folder, "train/cat/1.png", 30);
  write_picture(folder, "train/cat/2.png", 40);
  write_picture(folder, "test/dog/1.png", 50);
  write_picture(folder, "test/cat/1.png", 60);
  folder.write("train/cat/notes.txt", "passed over");
  folder.write("train/.hidden/1.png", "passed over");
}

std::string message(const TemporaryFolder& folder, const ImageFolderOptions& options = {}) {
  return message_of([&] { read_image_folder(folder.path(), options); });
}

std::vector<int> values_of(const Dataset& data) {
  std::vector<int> out;
  Bytes pixels(static_cast<size_t>(data.info().shape.numel()));
  for (int64_t i = 0; i < data.size(); ++i) {
    data.read(i, pixels);
    CHECK(pixels == Bytes(pixels.size(), pixels[0]));
    out.push_back(pixels[0]);
  }
  return out;
}

}  // namespace

TEST_CASE("image folder: classes and files in alphabetical order") {
  const TemporaryFolder folder;
  CHECK_FALSE(holds_image_folder(folder.path()));
  write_small_set(folder);
  CHECK(holds_image_folder(folder.path()));
  const TrainTest read = read_image_folder(folder.path(), {});
  CHECK(read.train->info().class_names == std::vector<std::string>{"cat", "dog"});
  CHECK(read.train->info().shape == ImageShape{3, 6, 8});
  CHECK(values_of(*read.train) == std::vector<int>{30, 40, 10, 20});
  CHECK(labels_of(*read.train) == std::vector<int32_t>{0, 0, 1, 1});
  CHECK(values_of(*read.test) == std::vector<int>{60, 50});
}

TEST_CASE("image folder: uncached, resized and partial sets") {
  const TemporaryFolder folder;
  write_small_set(folder);
  const TrainTest uncached = read_image_folder(folder.path(), {.image_size = 4, .cache_bytes = 0});
  CHECK(uncached.train->info().shape == ImageShape{3, 4, 4});
  CHECK(values_of(*uncached.train) == std::vector<int>{30, 40, 10, 20});
  CHECK(labels_of(*uncached.train) == std::vector<int32_t>{0, 0, 1, 1});
  const TrainTest part = read_image_folder(folder.path(), {.train_samples = 2});
  CHECK(labels_of(*part.train) == std::vector<int32_t>{0, 1});
  check_message(message(folder, {.train_samples = 5}), "5 samples are asked for; got 4 files");
}

TEST_CASE("image folder: images of several sizes need image_size") {
  const TemporaryFolder folder;
  write_small_set(folder);
  write_picture(folder, "train/dog/3.png", 70, 5, 9);
  check_message(message(folder), "dog/3.png must be of the first image's size, 8 x 6; got 9 x 5");
  CHECK(read_image_folder(folder.path(), {.image_size = 7}).train->size() == 5);
}

TEST_CASE("image folder: files that do not decode are counted and named") {
  const TemporaryFolder folder;
  write_small_set(folder);
  for (int i = 0; i < 7; ++i)
    folder.write("train/dog/bad" + std::to_string(i) + ".jpg", "not a picture");
  folder.write("train/cat/empty.png", "");
  for (const int64_t cache_bytes : {int64_t{0}, int64_t{1} << 30}) {
    const std::string got = message(folder, {.cache_bytes = cache_bytes});
    check_message(got, "every image must decode; got 8 of 12 that do not:");
    check_message(got, "cat/empty.png");
    check_message(got, "dog/bad3.jpg");
    check_message(got, "\n  ...");
    CHECK(got.find("bad4.jpg") == std::string::npos);
  }
}

TEST_CASE("image folder: a picture that is cut off") {
  const TemporaryFolder folder;
  write_small_set(folder);
  std::filesystem::resize_file(folder / "test/dog/1.png", 60);
  check_message(message(folder), "got 1 of 2 that do not:");
}

TEST_CASE("image folder: folders that do not make a data set") {
  const TemporaryFolder folder;
  check_message(message(folder), "train must be a readable folder");
  write_picture(folder, "train/dog/1.png", 10);
  check_message(message(folder), "at least two classes; got 1");
  write_picture(folder, "train/cat/1.png", 10);
  check_message(message(folder), "must hold test/<class>/ (or val/<class>/) beside train/");
  std::filesystem::create_directories(folder / "val");
  check_message(message(folder), "must hold folders of images; got none");
  write_picture(folder, "val/bird/1.png", 10);
  check_message(message(folder), "bird must be one of the training set's classes");
  std::filesystem::remove_all(folder / "val/bird");
  write_picture(folder, "val/dog/1.png", 10);
  CHECK(read_image_folder(folder.path(), {}).test->label(0) == 1);
  std::filesystem::create_directories(folder / "train/empty");
  check_message(message(folder), "empty must hold .jpg, .jpeg, .png or .bmp files; got none");
}
