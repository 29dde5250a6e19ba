#include "framework/io/safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// A file of this header and so many bytes of data, each its index.
std::string file_of(const std::string& json, size_t data_bytes) {
  const uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes += json;
  for (size_t i = 0; i < data_bytes; ++i) bytes += static_cast<char>(i);
  return bytes;
}

SafetensorsFile parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "a.safetensors");
}

std::string parse_error(const std::string& bytes) {
  return error_of<std::runtime_error>([&] { parse(bytes); });
}

const std::string kGood = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

}  // namespace

TEST_CASE("what is written reads back: types, shapes, metadata, special values") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["f32"] = Tensor::from<float>({1.5f, -0.0f, NAN, INFINITY}, {2, 2});
  file.tensors["f64"] = Tensor::from<double>({1e300}, {1, 1, 1});
  file.tensors["bf16"] = Tensor::from<bf16>({bf16(3.0f), bf16(-2.0f)}, {2});
  file.tensors["i64"] = Tensor::from<int64_t>({std::numeric_limits<int64_t>::min()}, {});
  file.tensors["i32"] = Tensor::from<int32_t>({-7, 8, 9}, {3});
  file.tensors["mask"] = Tensor::from<uint8_t>({1, 0, 1, 1, 0}, {5});
  file.tensors["empty"] = Tensor::zeros({0, 4});
  file.tensors["näme \"\\\n"] = Tensor::zeros({1});
  file.metadata = {{"format", "pt"}, {"quote\"", "{\"a\":1}\n"}};
  write_safetensors(folder / "a", file);
  const SafetensorsFile back = read_safetensors(folder / "a");
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    CAPTURE(name);
    const Tensor& read = back.tensors.at(name);
    CHECK(read.shape() == tensor.shape());
    CHECK(read.dtype() == tensor.dtype());
    CHECK(std::memcmp(read.raw(), tensor.raw(), static_cast<size_t>(tensor.nbytes())) == 0);
  }
}

TEST_CASE("the bytes: largest elements first, then names; header padded to 8; equal every time") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["b"] = Tensor::from<float>({1}, {1});
  file.tensors["a"] = Tensor::from<int32_t>({1}, {});
  file.tensors["m"] = Tensor::from<uint8_t>({1, 1}, {2, 1});
  file.tensors["z"] = Tensor::from<int64_t>({1}, {1});
  file.metadata["k"] = "v";
  write_safetensors(folder / "a", file);
  write_safetensors(folder / "b", file);
  const std::string bytes = read_bytes(folder / "a");
  CHECK(bytes == read_bytes(folder / "b"));
  const std::string header =
      R"({"__metadata__":{"k":"v"},"z":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"I32","shape":[],"data_offsets":[8,12]},)"
      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},)"
      R"("m":{"dtype":"U8","shape":[2,1],"data_offsets":[16,18]}})";
  CHECK(bytes.substr(8, header.size()) == header);
  CHECK((bytes.size() - 18) % 8 == 0);
  CHECK(bytes.size() - 18 - 8 - header.size() < 8);
  CHECK(folder.names().size() == 2);
}

TEST_CASE("F16 is read as f32, exactly") {
  const std::string json = R"({"h":{"dtype":"F16","shape":[7],"data_offsets":[0,14]}})";
  std::string bytes = file_of(json, 0);
  for (const uint16_t half : {0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0xfc00, 0x8000})
    bytes.append(reinterpret_cast<const char*>(&half), 2);
  const auto values = parse(bytes).tensors.at("h").to_vector<float>();
  CHECK(values == std::vector<float>{1, -2, std::ldexp(1.0f, -24), std::ldexp(1023.0f, -24), 65504,
                                     -INFINITY, 0});
  CHECK(std::signbit(values[6]));
}

TEST_CASE("what the format allows is read") {
  struct Case {
    const char* name;
    std::string json;
    size_t data_bytes;
    size_t tensors;
  };
  for (const Case& test : std::vector<Case>{
           {"nothing", "{}", 0, 0},
           {"white space around", " \t\r\n" + kGood + "  \n", 8, 1},
           {"names in another order than the data",
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
            R"("b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
            2, 2},
           {"fields in any order", R"({"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}})", 1,
            1},
           {"a scalar and empty tensors",
            R"({"e":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
            R"("s":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
            R"("t":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}})",
            1, 3},
           {"an empty name", R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, 1},
           {"metadata alone", R"({"__metadata__":{"a":"b"}})", 0, 0},
       }) {
    CAPTURE(test.name);
    CHECK(parse(file_of(test.json, test.data_bytes)).tensors.size() == test.tensors);
  }
}

namespace {

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};

std::string entry(const std::string& fields, size_t data_bytes = 8) {
  return file_of(R"({"a":{)" + fields + "}}", data_bytes);
}

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + rest;
}

std::vector<Hostile> hostile_lengths() {
  return {
      {"no bytes", "", "at least 8 bytes; got 0"},
      {"seven bytes", "1234567", "at least 8 bytes; got 7"},
      {"a length of 2^64 - 1", with_length(~uint64_t{0}, kGood), "at most 100000000 bytes"},
      {"a length of 2^63", with_length(uint64_t{1} << 63, kGood), "at most 100000000 bytes"},
      {"just above the limit", with_length(100'000'001, kGood), "at most 100000000 bytes"},
      {"longer than the file", with_length(100'000'000, kGood), "must end within the file"},
      {"one too long", with_length(kGood.size() + 1, kGood), "must end within the file"},
      {"no header", with_length(0, ""), "must be a JSON object"},
      {"a header cut off", with_length(kGood.size() - 1, kGood), "syntax error at byte"},
      {"an older pickled file", "PK\x03\x04 archive/data.pkl", "at most 100000000 bytes"},
  };
}

std::vector<Hostile> hostile_json() {
  const std::string deep = R"({"a":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  std::string deep_objects;
  for (int i = 0; i < 100000; ++i) deep_objects += R"({"a":)";
  return {
      {"an array", file_of("[]", 0), "must be a JSON object; got another beginning"},
      {"a byte-order mark", file_of("\xef\xbb\xbf{}", 0), "got another beginning"},
      {"two objects", file_of("{}{}", 0), "syntax error"},
      {"text behind it", file_of("{} x", 0), "syntax error"},
      {"a NUL behind it", file_of(std::string("{}\0x", 4), 0), "got a NUL at byte 10"},
      {"a trailing comma", file_of(R"({"__metadata__":{"a":"b"},})", 0), "syntax error"},
      {"a comment", file_of("{/* */}", 0), "syntax error"},
      {"bytes that are not UTF-8", file_of("{\"\xff\":1}", 0), "syntax error"},
      {"deep arrays", file_of(deep, 0), "'a' must be a JSON object; got an array"},
      {"deep objects", file_of(deep_objects, 0), "'a' must have the fields"},
      {"deep shape", entry(R"("dtype":"U8","shape":[[1]],"data_offsets":[0,1])"), "got an array"},
      {"a string for a tensor", file_of(R"({"a":"b"})", 0), "'a' must be a JSON object; got a str"},
      {"null for a tensor", file_of(R"({"a":null})", 0), "'a' must be a JSON object; got null"},
      {"a name twice",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
               2),
       "names must be unique; got 'a' twice"},
      {"a name twice, once escaped",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
               2),
       "names must be unique; got 'a' twice"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0),
       "got '__metadata__' twice"},
      {"a key of the metadata twice", file_of(R"({"__metadata__":{"a":"b","a":"c"}})", 0),
       "must not repeat a name; got 'a' twice"},
      {"a number in the metadata", file_of(R"({"__metadata__":{"a":1}})", 0),
       "the metadata must be strings; got a number for 'a'"},
      {"an object in the metadata", file_of(R"({"__metadata__":{"a":{}}})", 0),
       "the metadata must be strings; got an object"},
      {"metadata of another kind", file_of(R"({"__metadata__":[]})", 0), "got an array"},
  };
}

std::vector<Hostile> hostile_entries() {
  return {
      {"a field twice", entry(R"("dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8])"),
       "must not repeat a name; got 'dtype' twice"},
      {"an unknown field", entry(R"("dtype":"U8","shape":[8],"data_offsets":[0,8],"x":1)"),
       "only; got 'x'"},
      {"no dtype", entry(R"("shape":[8],"data_offsets":[0,8])"), "got no dtype"},
      {"no shape", entry(R"("dtype":"U8","data_offsets":[0,8])"), "got no shape"},
      {"no offsets", entry(R"("dtype":"U8","shape":[8])"), "got no data_offsets"},
      {"one offset", entry(R"("dtype":"U8","shape":[8],"data_offsets":[0])"), "two data_offsets"},
      {"three offsets", entry(R"("dtype":"U8","shape":[8],"data_offsets":[0,8,8])"),
       "two data_offsets"},
      {"an unknown dtype", entry(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"), "'F33'"},
      {"a dtype in lower case", entry(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])"),
       "'f32'"},
      {"a dtype of the format that is not read",
       entry(R"("dtype":"C64","shape":[1],"data_offsets":[0,8])"),
       "'a' must be F64, F32, F16, BF16, I64, I32, U8 or BOOL; got C64"},
      {"a dtype that is a number", entry(R"("dtype":1,"shape":[2],"data_offsets":[0,8])"),
       "must have a dtype of type string; got a number"},
      {"half a byte", entry(R"("dtype":"F4","shape":[1],"data_offsets":[0,0])", 0), "whole bytes"},
      {"a negative extent", entry(R"("dtype":"U8","shape":[-8],"data_offsets":[0,8])"),
       "negative number"},
      {"an extent of 8.0", entry(R"("dtype":"U8","shape":[8.0],"data_offsets":[0,8])"),
       "no 64-bit integer"},
      {"an extent of 2^64",
       entry(R"("dtype":"U8","shape":[18446744073709551616],)"
             R"("data_offsets":[0,8])"),
       "no 64-bit integer"},
      {"an extent of 2^63",
       entry(R"("dtype":"U8","shape":[9223372036854775808],)"
             R"("data_offsets":[0,8])"),
       "below 2^63"},
      {"a product that wraps around to 8",
       entry(R"("dtype":"U8","shape":[4294967296,4294967296,8],"data_offsets":[0,8])"),
       "must have a possible shape"},
      {"a product of bits that wraps around",
       entry(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])"), "whole bytes"},
      {"too high a rank", entry(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,8],"data_offsets":[0,8])"),
       "at most 8 numbers"},
      {"offsets the wrong way round", entry(R"("dtype":"U8","shape":[0],"data_offsets":[0,-1])"),
       "negative number"},
      {"an end before its beginning",
       file_of(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"U8","shape":[1],"data_offsets":[8,7]}})",
               8),
       "'b' must have 1 bytes"},
      {"too few bytes for the shape", entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
       "'a' must have 12 bytes for F32[3]; got data_offsets [0, 8]"},
      {"too many bytes for the shape", entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"),
       "'a' must have 4 bytes"},
      {"a file cut off", entry(R"("dtype":"U8","shape":[9],"data_offsets":[0,9])"), "is cut off"},
      {"a huge tensor",
       entry(R"("dtype":"U8","shape":[4611686018427387],"data_offsets":[0,4611686018427387])"),
       "is cut off"},
      {"bytes behind the last tensor", entry(R"("dtype":"U8","shape":[7],"data_offsets":[0,7])"),
       "nothing may follow the last tensor; got 1 bytes more"},
      {"data without a tensor", file_of("{}", 3), "got 3 bytes more"},
      {"a hole at the beginning", entry(R"("dtype":"U8","shape":[7],"data_offsets":[1,8])"),
       "no hole in the data; got one from 0 to 1"},
      {"a hole in the middle",
       file_of(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
               R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
               8),
       "no hole in the data; got one from 3 to 4 before 'b'"},
      {"an overlap",
       file_of(R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
               R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
               8),
       "must not overlap; got 'b' from byte 4 with 5 bytes taken"},
      {"two tensors on one range",
       file_of(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
               8),
       "must not overlap"},
  };
}

}  // namespace

TEST_CASE("files that break a rule") {
  const TemporaryFolder folder;
  int count = 0;
  for (const auto& cases : {hostile_lengths(), hostile_json(), hostile_entries()}) {
    for (const Hostile& test : cases) {
      CAPTURE(test.name);
      const auto error = parse_error(test.bytes);
      CAPTURE(error);
      CHECK(error.starts_with("[safetensors] a.safetensors: "));
      CHECK(contains(error, test.message));
      // Read from a file, the same happens.
      write_bytes(folder / "a", test.bytes);
      CHECK(contains(error_of<std::runtime_error>([&] { read_safetensors(folder / "a"); }),
                     test.message));
      ++count;
    }
  }
  CHECK(count >= 50);
}

TEST_CASE("every shortening of a good file is an error") {
  const std::string whole = file_of(kGood, 8);
  REQUIRE(parse(whole).tensors.size() == 1);
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK(!parse_error(whole.substr(0, length)).empty());
}

TEST_CASE("names in errors are shortened and without control characters") {
  const auto error = parse_error(file_of(R"({"\u001b[2J)" + std::string(5000, 'x') + R"(":1})", 0));
  CHECK(contains(error, "'?[2Jxxx"));
  CHECK(error.size() < 300);
}

TEST_CASE("the header alone") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["w"] = Tensor::from<bf16>({bf16(1), bf16(2)}, {1, 2});
  file.metadata["a"] = "b";
  write_safetensors(folder / "a", file);
  const auto header = read_safetensors_header(folder / "a");
  REQUIRE(header.entries.size() == 1);
  CHECK(header.entries[0].name == "w");
  CHECK(header.entries[0].dtype == "BF16");
  CHECK(header.entries[0].shape == Shape{1, 2});
  CHECK(header.entries[0].end == 4);
  CHECK(header.metadata.at("a") == "b");
  CHECK(header.data_begin + 4 == static_cast<int64_t>(std::filesystem::file_size(folder / "a")));
}

TEST_CASE("what cannot be read") {
  const TemporaryFolder folder;
  const auto error = [](const std::filesystem::path& path) {
    return error_of<std::runtime_error>([&] { read_safetensors(path); });
  };
  CHECK(contains(error(folder / "none"), "must be readable; got: No such file"));
  CHECK(contains(error(folder.path()), "a regular file is needed"));
  CHECK(contains(error("/dev/zero"), "a regular file is needed"));
}

TEST_CASE("what cannot be written leaves no file") {
  const TemporaryFolder folder;
  struct Case {
    const char* name;
    Tensor tensor;
    std::string metadata;
    const char* message;
  };
  const Tensor good = Tensor::zeros({1});
  for (const Case& test : std::vector<Case>{
           {"__metadata__", good, "", "must not be called __metadata__"},
           {"a", Tensor{}, "", "must be row-major and on the cpu; got 'a' as undefined"},
           {"a", Tensor::zeros({1, 2, 3, 4}, {.layout = Layout::nhwc}), "", "nhwc"},
           {"\xff", good, "", "must be UTF-8"},
           {"a", good, "\xc3(", "must be UTF-8"},
       }) {
    SafetensorsFile file;
    file.tensors[test.name] = test.tensor;
    file.metadata["k"] = test.metadata;
    CHECK(contains(error_of<std::invalid_argument>([&] { write_safetensors(folder / "a", file); }),
                   test.message));
  }
  CHECK(folder.names().empty());
  CHECK(contains(error_of<std::runtime_error>([&] { write_safetensors(folder / "none/a", {}); }),
                 "must exist; got none"));
}
