// Damaged and hostile data, pictures and configs, through the program: a message that says what is
// wrong, exit status 1 (data) or 2 (configs), and a folder that is as it was before.
#include <functional>
#include <set>

#include "tests/datasets/dataset_testing.h"
#include "tests/framework/cli/cli_testing.h"

using namespace tessera;
using namespace tessera::testing;
namespace fs = std::filesystem;

namespace {

using Damage = std::function<void(Bytes&)>;

struct Malformed {
  std::string name;
  std::string file;  ///< the file that is damaged
  Damage damage;
  std::string message;
};

/// Everything below a folder.
std::set<std::string> tree(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.insert(entry.path().string());
  return names;
}

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A folder of good files, of which each case damages one; `run` must refuse it, and everything
/// else must stay as it was.
void check_each(const TemporaryFolder& folder, const std::vector<Malformed>& cases,
                const std::function<Result(const Malformed&)>& run) {
  for (const Malformed& test : cases) {
    CAPTURE(test.name);
    const Bytes good = read_file(folder / test.file);
    Bytes bad = good;
    test.damage(bad);
    folder.write(test.file, bad);
    const auto before = tree(folder.path());
    const Result result = run(test);
    check_refused(result);
    CHECK(result.status == 1);
    check_message(result.err, test.message);
    CHECK(result.out == "");
    CHECK(tree(folder.path()) == before);
    folder.write(test.file, good);
  }
}

Damage cut_to(size_t bytes) {
  return [=](Bytes& b) { b.resize(bytes); };
}
Damage add(size_t bytes) {
  return [=](Bytes& b) { b.resize(b.size() + bytes); };
}
Damage become(const std::string& text) {
  return [=](Bytes& b) { b.assign(text.begin(), text.end()); };
}
/// Writes bytes over those at `at`; a negative place counts from the end.
Damage overwrite(int64_t at, const Bytes& with) {
  return [=](Bytes& b) {
    const size_t begin = at < 0 ? b.size() - static_cast<size_t>(-at) : static_cast<size_t>(at);
    REQUIRE(begin + with.size() <= b.size());
    std::copy(with.begin(), with.end(), b.begin() + static_cast<std::ptrdiff_t>(begin));
  };
}

Bytes idx(const std::vector<uint32_t>& extents) {
  Bytes out{0, 0, 8, static_cast<uint8_t>(extents.size())};
  size_t elements = 1;
  for (const uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out.push_back(static_cast<uint8_t>(extent >> shift));
    elements *= extent;
  }
  for (size_t i = 0; i < elements; ++i) out.push_back(static_cast<uint8_t>(i % 7));
  return out;
}

Bytes cifar_records(int count) {
  Bytes out;
  for (int record = 0; record < count; ++record) {
    out.push_back(static_cast<uint8_t>(record % 10));
    out.resize(out.size() + 3072, static_cast<uint8_t>(record));
  }
  return out;
}

/// `tessera train` on the folder `data` below.
Result train_on(const TemporaryFolder& folder, const std::string& type) {
  return run_program({"train", (folder / "config.yaml").string(), "data.type=" + type,
                      "data.root=" + (folder / "data").string(),
                      "run.dir=" + (folder / "run").string()});
}

void write_config(const TemporaryFolder& folder) {
  folder.write("config.yaml", std::string("data: {type: glyphs, batch_size: 4}\n"
                                          "model: {type: mlp, hidden: [8]}\ntrain: {epochs: 1}\n"));
}

}  // namespace

TEST_CASE("damaged IDX files") {
  const TemporaryFolder folder;
  write_config(folder);
  const std::string images = "data/train-images-idx3-ubyte",
                    labels = "data/train-labels-idx1-ubyte";
  const std::string packed = "data/t10k-images-idx3-ubyte.gz";
  folder.write(images, idx({40, 5, 4}));
  folder.write(labels, idx({40}));
  folder.write(packed, gzip(idx({14, 5, 4})));
  folder.write("data/t10k-labels-idx1-ubyte", idx({14}));
  check_each(
      folder,
      {
          {"no bytes", images, cut_to(0), "must have a header; got 0 bytes"},
          {"half a header", images, cut_to(10), "must have a header of 16 bytes; got 10"},
          {"cut off", images, cut_to(500),
           "must hold 800 elements for extents 40 x 5 x 4; got 484"},
          {"bytes behind the last image", images, add(3), "must hold 800 elements"},
          {"another magic", images, overwrite(0, {0x89, 'P'}), "must start with two zero bytes"},
          {"floats", images, overwrite(2, {0x0D}),
           "must hold unsigned bytes (type 8); got type 13"},
          {"no axes", images, overwrite(3, {0}), "must have 1 to 8 axes; got 0"},
          {"255 axes", images, overwrite(3, {255}), "must have 1 to 8 axes; got 255"},
          {"2^96 elements", images, overwrite(4, Bytes(12, 0xFF)), "fewer than 2^40 elements"},
          {"no images", images, become(std::string("\0\0\x08\x03\0\0\0\0\0\0\0\5\0\0\0\4", 16)),
           "must hold images"},
          {"labels for images", images, become(std::string("\0\0\x08\x01\0\0\0\1\7", 9)),
           "must have 3 axes"},
          {"fewer labels", labels, become(std::string("\0\0\x08\x01\0\0\0\1\7", 9)),
           "one label for each of the 40 images; got 1"},
          {"labels cut off", labels, cut_to(20), "must hold 40 elements"},
          {"gzip cut off", packed, [](Bytes& b) { b.resize(b.size() - 12); },
           "got a gzip file that is cut off"},
          {"gzip with wrong bytes", packed, [](Bytes& b) { b[b.size() / 2] ^= 0x55; }, "got "},
          {"gzip of images of another size", packed,
           [](Bytes& b) {
             b = gzip(idx({14, 4, 4}));
           },
           "must have images of one size"},
          {"gzip of a huge claim", packed,
           [](Bytes& b) {
             Bytes claim = idx({1, 5, 4});
             claim[4] = 0x40;
             b = gzip(claim);
           },
           "cannot hold them"},
      },
      [&](const Malformed&) { return train_on(folder, "mnist"); });
}

TEST_CASE("damaged CIFAR files") {
  const TemporaryFolder folder;
  write_config(folder);
  const std::string batch = "data/data_batch_1.bin", test = "data/test_batch.bin";
  folder.write(batch, cifar_records(20));
  folder.write(test, cifar_records(10));
  folder.write("data/batches.meta.txt", std::string("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"));
  check_each(folder,
             {
                 {"no bytes", batch, cut_to(0), "must hold whole records of 3073 bytes; got 0"},
                 {"cut off", batch, cut_to(50000), "must hold whole records of 3073 bytes"},
                 {"one byte more", test, add(1), "must hold whole records of 3073 bytes"},
                 {"a label of 10", batch, overwrite(3073, {10}),
                  "record 1 must have a label under 10; got 10"},
                 {"a label of 255 in the test set", test, overwrite(0, {255}),
                  "record 0 must have a label under 10; got 255"},
                 {"two class names", "data/batches.meta.txt", become("cat\ndog\n"),
                  "must name 10 classes, one a line; got 2"},
                 {"CIFAR-100's records", batch, [](Bytes& b) { b.resize(3074 * 16); },
                  "must hold whole records of 3073 bytes"},
             },
             [&](const Malformed&) { return train_on(folder, "cifar10"); });
}

namespace {

std::vector<Malformed> damaged_pictures(const std::string& prefix) {
  const std::string jpg = prefix + "a.jpg", png = prefix + "a.png", bmp = prefix + "a.bmp";
  return {
      {"a JPEG cut off", jpg, [](Bytes& b) { b.resize(b.size() / 2); }, "a.jpg"},
      {"a JPEG without its end", jpg, [](Bytes& b) { b.resize(b.size() - 2); }, "is cut off"},
      {"a JPEG of two bytes", jpg, cut_to(2), "is cut off"},
      {"a JPEG with an impossible Huffman table", jpg,
       [](Bytes& b) {
         const Bytes marker{0xFF, 0xC4};
         const auto at = std::search(b.begin(), b.end(), marker.begin(), marker.end());
         REQUIRE(b.end() - at > 30);
         std::fill_n(at + 5, 16, uint8_t{0xFF});
       },
       "an impossible Huffman table"},
      {"a JPEG of text", jpg, become("no picture"), "it is neither JPEG nor PNG nor BMP"},
      {"a JPEG of no bytes", jpg, cut_to(0), "the file is empty"},
      {"a PNG cut off", png, [](Bytes& b) { b.resize(b.size() - 20); }, "the file is cut off"},
      {"a PNG with a wrong bit", png, [](Bytes& b) { b[b.size() / 2] ^= 1; },
       "a checksum does not hold"},
      {"a PNG chunk of 4 GB", png, overwrite(8, {0xFF, 0xFF, 0xFF, 0xFF}), "is cut off"},
      {"a BMP cut off", bmp, [](Bytes& b) { b.resize(b.size() - 1); }, "the file is cut off"},
      {"a BMP of 2^24 x 2^24", bmp, overwrite(18, {0xFF, 0xFF, 0xFF, 0x00, 0xFF, 0xFF, 0xFF, 0x00}),
       "the file is cut off"},
  };
}

void copy_pictures(const TemporaryFolder& folder, const std::string& to) {
  fs::create_directories(folder / to);
  for (const char* name : {"a.jpg", "a.png", "a.bmp"})
    fs::copy_file(fs::path("tests/fuzz/seeds/image") / name, folder / (to + name));
}

}  // namespace

TEST_CASE("damaged pictures in a folder of images, and given to infer") {
  const TemporaryFolder folder;
  write_config(folder);
  for (const char* to : {"data/train/cat/", "data/train/dog/", "data/test/cat/", "data/test/dog/"})
    copy_pictures(folder, to);
  check_each(folder, damaged_pictures("data/train/cat/"),
             [&](const Malformed&) { return train_on(folder, "image_folder"); });

  copy_pictures(folder, "pictures/");
  const std::string model = (folder / "model.safetensors").string();
  write_lenet(model, {"fc1.weight"});
  check_each(folder, damaged_pictures("pictures/"), [&](const Malformed& test) {
    return run_program({"infer", model, "--input", (folder / test.file).string()});
  });
}

TEST_CASE("damaged model files") {
  const TemporaryFolder folder;
  const std::string model = "model.safetensors";
  write_lenet(folder / model, {"fc1.weight"});
  const auto header = [](const std::string& json, size_t data = 8) {
    Bytes bytes(8 + json.size() + data);
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(json.size() >> 8 * i);
    std::copy(json.begin(), json.end(), bytes.begin() + 8);
    return [=](Bytes& b) { b = bytes; };
  };
  const auto entry = [&](const std::string& fields) { return header("{\"a\":{" + fields + "}}"); };
  const std::string deep(100000, '[');
  const std::string four = R"("dtype":"U8","shape":[4],"data_offsets":)";
  const std::vector<Malformed> cases{
      {"no bytes", model, cut_to(0), "at least 8 bytes; got 0"},
      {"half of it", model, [](Bytes& b) { b.resize(b.size() / 2); }, "is cut off"},
      {"half a header", model, cut_to(100), "must end within the file"},
      {"a length of 2^64 - 1", model, overwrite(0, Bytes(8, 0xFF)), "at most 100000000 bytes"},
      {"a length of 99 MB", model, overwrite(0, {0, 0, 0xF0, 5, 0, 0, 0, 0}),
       "must end within the file"},
      {"a byte behind the last tensor", model, add(1), "nothing may follow the last tensor"},
      {"a header of zeros", model, overwrite(8, Bytes(40)), "must be a JSON object"},
      {"deep nesting", model, header("{\"a\":" + deep), "must be a JSON object"},
      {"a name twice", model, header("{\"a\":{" + four + "[0,4]},\"a\":{" + four + "[4,8]}}"),
       "names must be unique"},
      {"overlapping ranges", model, header("{\"a\":{" + four + "[0,4]},\"b\":{" + four + "[2,6]}}"),
       "must not overlap"},
      {"a hole", model, header("{\"a\":{" + four + "[0,4]},\"b\":{" + four + "[5,9]}}", 9),
       "no hole in the data"},
      {"a range of a wrong length", model,
       entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), "must have 12 bytes"},
      {"2^62 elements", model,
       entry(R"("dtype":"U8","shape":[2147483648,2147483648],"data_offsets":[0,8])"),
       "[safetensors]"},
      {"extents that wrap around", model,
       entry(R"("dtype":"U8","shape":[4294967296,4294967296,8],"data_offsets":[0,8])"),
       "must have a possible shape"},
      {"an unknown type", model, entry(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"),
       "'F33'"},
      {"a negative extent", model, entry(R"("dtype":"U8","shape":[-8],"data_offsets":[0,8])"),
       "negative number"},
      {"another program's file", model, entry(R"("dtype":"U8","shape":[8],"data_offsets":[0,8])"),
       "model.safetensors"},
      {"a pickled file", model, become("PK\x03\x04 archive/data.pkl"), "at most 100000000 bytes"},
  };
  write_config(folder);
  const std::string path = (folder / model).string(), out = (folder / "out").string();
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"inspect", path, "--heatmap", out},
           {"export", path, "-o", out},
           {"infer", path, "--input", "tests/fuzz/seeds/image"},
           {"eval", (folder / "config.yaml").string(), "--from", path},
           {"train", (folder / "config.yaml").string(), "--from", path, "run.dir=" + out,
            "data.train_samples=72", "data.test_samples=36"}}) {
    CAPTURE(command[0]);
    check_each(folder, cases, [&](const Malformed&) { return run_program(command); });
  }
}

TEST_CASE("malformed configs and overrides") {
  const TemporaryFolder folder;
  const std::string base = "data: {type: glyphs}\nmodel: {type: lenet}\n";
  struct Case {
    std::string name, text, message;
    std::vector<std::string> overrides = {};
  };
  for (const Case& test : std::vector<Case>{
           {"nothing", "", "'data.type' is missing"},
           {"a list", "- data\n- model\n", "must be a map"},
           {"a brace that is not closed", base + "train: {epochs: 3\n", ":4:"},
           {"a tab", base + "train:\n\tepochs: 3\n", ":4:"},
           {"a NUL", base + std::string("run: {name: \"a\0b\"}\n", 19), ""},
           {"not UTF-8", base + "run: {name: \"\xff\xfe\"}\n", ""},
           {"a key twice", base + "data: {type: mnist}\n", "given twice"},
           {"an alias", base + "run: &a {seed: 1}\ntrain: *a\n", ""},
           {"a tag", base + "run: !!python/object {seed: 1}\n", ""},
           {"two documents", base + "---\n" + base, ""},
           {"deep nesting", "data: " + std::string(100000, '[') + "\n", ""},
           {"an unknown key", base + "train: {epoch: 3}\n", "did you mean 'train.epochs'?"},
           {"a wrong type", base + "train: {epochs: many}\n", "must be a whole number"},
           {"an impossible value", base + "prune: {sparsity: 1.5}\n", "must be a number in (0, 1)"},
           {"a regex", base + "prune: {include: [\"(\"]}\n", "regular expressions"},
           {"a regex of 10,000 characters",
            base + "prune: {include: [\"" + std::string(10000, 'a') + "\"]}\n", "512 characters"},
           {"a variable that is not set", base + "run: {name: \"${TESSERA_NOT_SET}\"}\n",
            "NOT_SET"},
           {"an override without a value", base, "train.epochs", {"train.epochs"}},
           {"an override without a key", base, "", {"=3"}},
           {"an override of nothing", base, "did you mean", {"train.epoch=3"}},
           {"a deletion of nothing", base, "", {"~train.nothing"}},
           {"an override that is no YAML", base, "", {"train.epochs=[1"}},
       }) {
    CAPTURE(test.name);
    const std::string path = folder.write("config.yaml", test.text).string();
    for (const char* command : {"check", "train"}) {
      std::vector<std::string> arguments{command, path};
      if (command == std::string("check")) arguments.insert(arguments.begin(), "config");
      arguments.insert(arguments.end(), test.overrides.begin(), test.overrides.end());
      const Result result = run_program(arguments);
      check_refused(result);
      CHECK(result.status == 2);
      check_message(result.err, test.message);
      CHECK(result.out == "");
      CHECK(tree(folder.path()) == std::set<std::string>{path});
    }
  }
}
