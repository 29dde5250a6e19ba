#include "framework/io/tensorboard.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/framework/io/full_disk.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// A second decoder, written from the format's description: bit-wise checksum, generic protobuf.
uint32_t bitwise_crc32c(std::string_view data) {
  uint32_t crc = 0xffffffffu;
  for (const char byte : data) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
  }
  return ~crc;
}

template <class T>
T load(std::string_view bytes) {
  T value{};
  REQUIRE(bytes.size() >= sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::vector<std::string> decode_records(std::string_view file) {
  const auto check = [](std::string_view data, uint32_t stored) {
    const uint32_t unmasked = stored - 0xa282ead8u;
    CHECK(((unmasked >> 17) | (unmasked << 15)) == bitwise_crc32c(data));
  };
  std::vector<std::string> records;
  while (!file.empty()) {
    const auto length = load<uint64_t>(file);
    REQUIRE(file.size() >= length + 16);
    check(file.substr(0, 8), load<uint32_t>(file.substr(8)));
    check(file.substr(12, length), load<uint32_t>(file.substr(12 + length)));
    records.emplace_back(file.substr(12, length));
    file.remove_prefix(16 + length);
  }
  return records;
}

/// Field number -> value: a number, or the bytes of a string, message or fixed field.
struct Field {
  uint64_t number = 0;
  std::string bytes;
};

std::map<int, Field> decode_message(std::string_view message) {
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE(!message.empty());
      const auto byte = static_cast<uint8_t>(message.front());
      message.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  std::map<int, Field> fields;
  while (!message.empty()) {
    const uint64_t key = varint();
    Field field;
    size_t length = 0;
    switch (key & 7) {
      case 0:
        field.number = varint();
        break;
      case 1:
        length = 8;
        break;
      case 2:
        length = varint();
        break;
      case 5:
        length = 4;
        break;
      default:
        FAIL("wire type");
    }
    REQUIRE(message.size() >= length);
    field.bytes = message.substr(0, length);
    message.remove_prefix(length);
    fields[static_cast<int>(key >> 3)] = field;
  }
  return fields;
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("the version record equals TensorFlow's") {
  CHECK(hexadecimal(tensorboard_record(tensorboard_version_event(1.0))) ==
        "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
}

TEST_CASE("a file of scalars and images decodes") {
  const TemporaryFolder folder;
  Image image{2, 3, 3, std::vector<uint8_t>(18, 7)};
  std::filesystem::path path;
  {
    TensorboardWriter writer(folder.path());
    writer.add_scalar("train/loss", 300, 0.25);
    writer.add_scalar("train/lr", 0, -1e-3);
    writer.add_image("masks", 5, image);
    path = writer.path();
  }
  CHECK(contains(path.filename().string(), "tfevents"));
  const auto records = decode_records(read_bytes(path));
  REQUIRE(records.size() == 4);
  CHECK(decode_message(records[0])[3].bytes == "brain.Event:2");

  auto event = decode_message(records[1]);
  CHECK(load<double>(event[1].bytes) > 1.6e9);
  CHECK(event[2].number == 300);
  auto value = decode_message(decode_message(event[5].bytes)[1].bytes);
  CHECK(value[1].bytes == "train/loss");
  CHECK(load<float>(value[2].bytes) == 0.25f);
  CHECK(decode_message(records[2]).count(2) == 0);

  event = decode_message(records[3]);
  value = decode_message(decode_message(event[5].bytes)[1].bytes);
  auto picture = decode_message(value[4].bytes);
  CHECK(picture[1].number == 2);
  CHECK(picture[2].number == 3);
  CHECK(picture[3].number == 3);
  const auto decoded = decode_image(std::as_bytes(std::span(picture[4].bytes)), "png");
  CHECK(decoded.pixels == image.pixels);
}

TEST_CASE("a resumed run tells TensorBoard which steps to forget") {
  const TemporaryFolder folder;
  const TensorboardWriter first(folder.path());
  const TensorboardWriter resumed(folder.path(), 41);
  CHECK(first.path().string() < resumed.path().string());
  const auto records = decode_records(read_bytes(resumed.path()));
  REQUIRE(records.size() == 2);
  auto event = decode_message(records[1]);
  CHECK(event[2].number == 42);
  CHECK(decode_message(event[7].bytes)[1].number == 1);
  CHECK(
      contains(error_of<std::runtime_error>([&] { TensorboardWriter writer(folder / "missing"); }),
               "[tensorboard]"));
}

TEST_CASE("a full disk leaves whole records only") {
  const TemporaryFolder folder;
  TensorboardWriter writer(folder.path());
  size_t scalars = 0;
  const auto error = error_of<std::runtime_error>([&] {
    const FullDisk full(300);
    for (; scalars < 100; ++scalars) writer.add_scalar("train/loss", 1, 0.5);
  });
  CHECK(contains(error, "must be writable; got: "));
  CHECK(decode_records(read_bytes(writer.path())).size() == 1 + scalars);
}
