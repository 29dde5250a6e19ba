// IDX and CIFAR: what is well formed is read as it is, and everything else is refused.
#include "datasets/cifar.h"
#include "datasets/idx.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Bytes idx(const std::vector<uint32_t>& dims, size_t elements, uint8_t type = 8) {
  Bytes out{0, 0, type, static_cast<uint8_t>(dims.size())};
  for (const uint32_t extent : dims)
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<uint8_t>(extent >> shift));
  for (size_t i = 0; i < elements; ++i) out.push_back(static_cast<uint8_t>(i % 7));
  return out;
}

Bytes head(Bytes bytes, size_t count) {
  bytes.resize(count);
  return bytes;
}

Bytes cifar_records(const std::vector<uint8_t>& labels) {
  Bytes out;
  for (const uint8_t label : labels) {
    out.push_back(label);
    for (int i = 0; i < 3072; ++i) out.push_back(static_cast<uint8_t>(i / 1024 * 80 + i % 32));
  }
  return out;
}

}  // namespace

TEST_CASE("idx: extents and elements") {
  const Bytes bytes = idx({2, 3}, 6);
  const IdxArray array = parse_idx(bytes, "x");
  CHECK(array.dims == std::vector<int64_t>{2, 3});
  CHECK(array.elements.size() == 6);
  CHECK(array.elements.data() == bytes.data() + 12);
  CHECK(parse_idx(idx({0, 5}, 0), "x").elements.empty());
}

TEST_CASE("idx: malformed bytes") {
  struct Case {
    Bytes bytes;
    std::string message;
  };
  for (const Case& test : std::vector<Case>{
           {{}, "must have a header; got 0 bytes"},
           {{0, 0, 8}, "must have a header; got 3 bytes"},
           {{1, 0, 8, 1, 0, 0, 0, 0}, "must start with two zero bytes; got 1 and 0"},
           {{0, 0, 13, 1, 0, 0, 0, 0}, "must hold unsigned bytes (type 8); got type 13"},
           {{0, 0, 8, 0}, "must have 1 to 8 axes; got 0"},
           {{0, 0, 8, 9}, "must have 1 to 8 axes; got 9"},
           {{0, 0, 8, 3, 0, 0, 0, 1}, "must have a header of 16 bytes; got 8"},
           {idx({2, 3}, 5), "must hold 6 elements for extents 2 x 3; got 5"},
           {idx({2, 3}, 7), "must hold 6 elements for extents 2 x 3; got 7"},
           {idx({0xffffffff, 0xffffffff, 0xffffffff}, 4), "fewer than 2^40 elements"},
           {idx({0x80000000, 0x80000000, 4}, 0), "fewer than 2^40 elements"},
       })
    check_message(message_of([&] { parse_idx(test.bytes, "x"); }), test.message);
}

TEST_CASE("idx: files, plain and gzipped") {
  const TemporaryFolder folder;
  const Bytes good = idx({100, 4, 4}, 1600);
  CHECK(read_idx_bytes(folder.write("plain", good)) == good);
  const Bytes packed = gzip(good);
  CHECK(read_idx_bytes(folder.write("packed", packed)) == good);
  CHECK(read_idx_bytes(folder.write("short", gzip(idx({2}, 2)))) == idx({2}, 2));

  check_message(message_of([&] { read_idx_bytes(folder / "nothing"); }), "must be a readable file");
  check_message(message_of([&] { read_idx_bytes(folder.path()); }), "must be a readable file");
  check_message(
      message_of([&] { read_idx_bytes(folder.write("cut", head(packed, packed.size() - 12))); }),
      "got a gzip file that is cut off");
  Bytes corrupted = packed;
  corrupted[corrupted.size() / 2] ^= 0x55;
  CHECK_THROWS_AS(parse_idx(read_idx_bytes(folder.write("corrupted", corrupted)), "x"),
                  std::runtime_error);
  check_message(message_of([&] {
                  read_idx_bytes(folder.write("claims", gzip(idx({1u << 30, 64}, 64))));
                }),
                "which cannot hold them");
  check_message(message_of([&] {
                  parse_idx(read_idx_bytes(folder.write("long", gzip(idx({100}, 5000)))), "long");
                }),
                "must hold 100 elements for extents 100; got 101");
}

TEST_CASE("mnist: two pairs of files") {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx({14, 5, 4}, 280));
  folder.write("train-labels-idx1-ubyte", idx({14}, 14));
  folder.write("t10k-images-idx3-ubyte.gz", gzip(idx({7, 5, 4}, 140)));
  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({7}, 7)));
  CHECK(holds_mnist(folder.path()));
  const TrainTest read = read_mnist(folder.path(), 0, 0);
  CHECK(read.train->size() == 14);
  CHECK(read.test->size() == 7);
  CHECK(read.train->info().shape == ImageShape{1, 5, 4});
  CHECK(read.train->info().num_classes() == 7);
  CHECK(read.train->label(9) == 2);
  Bytes pixels(20);
  read.train->read(1, pixels);
  CHECK(pixels[0] == 20 % 7);
  check_message(message_of([&] { read_mnist(folder.path(), 0, 5); }),
                "splits a single pair of files; got two pairs");

  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({8}, 8)));
  check_message(message_of([&] { read_mnist(folder.path(), 0, 0); }),
                "one label for each of the 7 images; got 8");
  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({7}, 7)));
  folder.write("t10k-images-idx3-ubyte.gz", gzip(idx({7, 4, 4}, 112)));
  check_message(message_of([&] { read_mnist(folder.path(), 0, 0); }),
                "must have images of one size; got 5 x 4 and 4 x 4");
  folder.write("t10k-images-idx3-ubyte.gz", gzip(idx({112}, 112)));
  check_message(message_of([&] { read_mnist(folder.path(), 0, 0); }), "must have 3 axes");
  folder.write("t10k-images-idx3-ubyte.gz", gzip(idx({0, 5, 4}, 0)));
  check_message(message_of([&] { read_mnist(folder.path(), 0, 0); }), "must hold images");
  std::filesystem::remove(folder / "t10k-images-idx3-ubyte.gz");
  check_message(message_of([&] { read_mnist(folder.path(), 0, 0); }), "got only the first");
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  check_message(message_of([&] { read_mnist(folder.path(), 0, 10); }), "must have its labels");
}

TEST_CASE("mnist: one pair, split by index") {
  const TemporaryFolder folder;
  folder.write("t10k-images.idx3-ubyte", idx({14, 2, 2}, 56));
  folder.write("t10k-labels.idx1-ubyte", idx({14}, 14));
  const TrainTest read = read_mnist(folder.path(), 2, 12);
  CHECK(read.train->size() == 10);
  CHECK(read.test->size() == 4);
  CHECK(read.train->label(0) == 2);
  CHECK(read.test->label(1) == 1);
  CHECK(read.test->label(2) == 12 % 7);
  for (const auto& [begin, end] : std::vector<std::pair<int, int>>{{0, 14}, {5, 5}, {0, 15}})
    check_message(message_of([&] { read_mnist(folder.path(), begin, end); }),
                  "must leave training and test samples out of the 14");
}

TEST_CASE("mnist: the real test set") {
  const auto folder = real_data("mnist-t10k");
  if (folder.empty()) return;
  const TrainTest read = read_mnist(folder, 0, 8000);
  CHECK(read.train->size() == 8000);
  CHECK(read.test->size() == 2000);
  CHECK(read.train->info().num_classes() == 10);
  CHECK(read.train->label(0) == 7);  // as published
  const ChannelStatistics got = channel_statistics(*read.train);
  CHECK(got.mean[0] == doctest::Approx(0.1307).epsilon(0.02));
  CHECK(got.std[0] == doctest::Approx(0.3081).epsilon(0.02));
}

TEST_CASE("cifar10: planes become pixels, batches follow one another") {
  const TemporaryFolder folder;
  CHECK_FALSE(holds_cifar(folder.path(), CifarKind::cifar10));
  const std::string inside = "cifar-10-batches-bin/";
  folder.write(inside + "data_batch_1.bin", cifar_records({1, 2}));
  folder.write(inside + "data_batch_2.bin", cifar_records({3}));
  folder.write(inside + "test_batch.bin", cifar_records({9}));
  CHECK(holds_cifar(folder.path(), CifarKind::cifar10));
  const TrainTest read = read_cifar(folder.path(), CifarKind::cifar10);
  REQUIRE(read.train->size() == 3);
  CHECK(read.train->label(2) == 3);
  CHECK(read.test->label(0) == 9);
  CHECK(read.train->info().class_names[9] == "9");
  Bytes pixels(3072);
  read.train->read(2, pixels);
  for (const size_t x : {0, 31})
    for (size_t c = 0; c < 3; ++c) CHECK(pixels[(5 * 32 + x) * 3 + c] == c * 80 + x);
  folder.write(inside + "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  CHECK(read_cifar(folder.path(), CifarKind::cifar10).train->info().class_names[9] == "j");
}

TEST_CASE("cifar10: mistakes") {
  const TemporaryFolder folder;
  const auto message = [&] {
    return message_of([&] { read_cifar(folder.path(), CifarKind::cifar10); });
  };
  folder.write("test_batch.bin", cifar_records({0}));
  check_message(message(), "must hold data_batch_1.bin ...; got no such file");
  folder.write("data_batch_1.bin", head(cifar_records({0, 1}), 6000));
  check_message(message(), "must hold whole records of 3073 bytes; got 6000");
  folder.write("data_batch_1.bin", Bytes());
  check_message(message(), "must hold whole records of 3073 bytes; got 0");
  folder.write("data_batch_1.bin", cifar_records({0, 10}));
  check_message(message(), "record 1 must have a label under 10; got 10");
  folder.write("data_batch_1.bin", cifar_records({0}));
  folder.write("batches.meta.txt", "cat\ndog\n");
  check_message(message(), "must name 10 classes, one a line; got 2");
  std::filesystem::remove(folder / "batches.meta.txt");
  std::filesystem::remove(folder / "test_batch.bin");
  check_message(message(), "must be a readable file");
}

TEST_CASE("cifar100: the second byte is the label") {
  const TemporaryFolder folder;
  Bytes record(3074);
  record[0] = 200;  // the coarse label is not used
  record[1] = 99;
  folder.write("train.bin", record);
  folder.write("test.bin", record);
  const TrainTest read = read_cifar(folder.path(), CifarKind::cifar100);
  CHECK(read.train->label(0) == 99);
  CHECK(read.train->info().num_classes() == 100);
}

TEST_CASE("cifar10: the real subset") {
  const auto folder = real_data("cifar10-mini");
  if (folder.empty()) return;
  const TrainTest read = read_cifar(folder, CifarKind::cifar10);
  CHECK(read.train->size() == 5000);
  CHECK(read.test->size() == 1000);
  CHECK(read.train->info().class_names[0] == "airplane");
  const ChannelStatistics got = channel_statistics(*read.train);
  for (size_t c = 0; c < 3; ++c)
    CHECK(got.mean[c] == doctest::Approx(read.train->info().mean[c]).epsilon(0.02));
}
