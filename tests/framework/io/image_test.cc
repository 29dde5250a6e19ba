#include "framework/io/image.h"

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#include "framework/core/random.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Image noise(int height, int width, int channels) {
  Image image{height, width, channels, {}};
  RandomSequence random({.seed = 1});
  image.pixels.resize(static_cast<size_t>(height) * width * channels);
  for (auto& pixel : image.pixels) pixel = static_cast<uint8_t>(random.below(256));
  return image;
}

Image decode(const std::string& bytes, int channels = 3) {
  return decode_image(std::as_bytes(std::span(bytes)), "picture", channels);
}

void append(void* out, void* data, int size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), static_cast<size_t>(size));
}

std::string encode_jpeg(const Image& image) {
  std::string bytes;
  stbi_write_jpg_to_func(append, &bytes, image.width, image.height, image.channels,
                         image.pixels.data(), 90);
  return bytes;
}

std::string encode_bmp(const Image& image) {
  std::string bytes;
  stbi_write_bmp_to_func(append, &bytes, image.width, image.height, image.channels,
                         image.pixels.data());
  return bytes;
}

}  // namespace

TEST_CASE("a PNG reads back to the same pixels") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = noise(13, 7, channels);
    write_png(folder / "a.png", image);
    const Image back = decode_image(folder / "a.png", channels);
    CHECK(back.height == 13);
    CHECK(back.width == 7);
    CHECK(back.channels == channels);
    CHECK(back.pixels == image.pixels);
  }
  const Image grey_as_rgb = decode(encode_png({1, 1, 1, {9}}), 3);
  CHECK(grey_as_rgb.pixels == std::vector<uint8_t>{9, 9, 9});
}

TEST_CASE("BMP and JPEG are read") {
  const Image image = noise(9, 5, 3);
  CHECK(decode(encode_bmp(image)).pixels == image.pixels);
  const Image jpeg = decode(encode_jpeg({16, 16, 3, std::vector<uint8_t>(768, 200)}));
  CHECK(jpeg.pixels.size() == 768);
  CHECK(std::abs(jpeg.pixels[100] - 200) <= 2);  // lossy
}

TEST_CASE("a file cut off anywhere is an error that names it") {
  const Image image = noise(24, 24, 3);
  for (const std::string& whole : {encode_png(image), encode_jpeg(image), encode_bmp(image)}) {
    REQUIRE(decode(whole).height == 24);
    for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 200) {
      CAPTURE(length);
      const auto error = error_of<std::runtime_error>([&] { decode(whole.substr(0, length)); });
      CHECK(error.starts_with("[image] picture must be a JPEG, PNG or BMP image; got: "));
    }
  }
}

TEST_CASE("damaged files give an error or a picture, nothing else") {
  const Image image = noise(24, 24, 3);
  RandomSequence random({.seed = 2});
  for (const std::string& whole : {encode_png(image), encode_jpeg(image), encode_bmp(image)}) {
    for (int i = 0; i < 300; ++i) {
      std::string bytes = whole;
      for (int hit = 0; hit < 3; ++hit)
        bytes[random.below(static_cast<uint32_t>(bytes.size()))] =
            static_cast<char>(random.below(256));
      error_of<std::runtime_error>([&] { decode(bytes); });
    }
  }
  std::string png = encode_png(image);
  png[png.size() / 2] = static_cast<char>(png[png.size() / 2] ^ 1);
  CHECK(contains(error_of<std::runtime_error>([&] { decode(png); }), "checksum does not hold"));
}

TEST_CASE("a JPEG with an impossible Huffman table is refused before it is decoded") {
  std::string jpeg = encode_jpeg(noise(8, 8, 3));
  const size_t table = jpeg.find("\xff\xc4");
  REQUIRE(table != std::string::npos);
  const auto error = [&] { return error_of<std::runtime_error>([&] { decode(jpeg); }); };
  SUBCASE("more codes than there are values") { jpeg.replace(table + 5, 16, 16, '\xff'); }
  SUBCASE("a segment too short for its counts") { jpeg.replace(table + 2, 2, "\0\x03", 2); }
  CHECK(contains(error(), "an impossible Huffman table"));
}

TEST_CASE("what is no image") {
  const TemporaryFolder folder;
  write_bytes(folder / "a.jpg", "no image at all");
  write_bytes(folder / "empty.png", "");
  std::string huge = encode_bmp(noise(1, 1, 3));
  huge.replace(18, 8, std::string("\xff\xff\xff\x00\xff\xff\xff\x00", 8));
  write_bytes(folder / "huge.bmp", huge);
  struct Case {
    std::filesystem::path path;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {folder / "a.jpg", "a.jpg must be a JPEG, PNG or BMP image; got: it is neither"},
           {folder / "empty.png", "the file is empty"},
           {folder / "huge.bmp", "the file is cut off"},
           {folder / "none.png", "none.png must exist; got none"},
           {folder.path(), "must be a file; got another kind"},
       }) {
    const auto error = error_of<std::runtime_error>([&] { decode_image(test.path); });
    CAPTURE(error);
    CHECK(contains(error, test.message));
  }
}

TEST_CASE("a small file that claims to be large is refused before its pixels are made") {
  // A whole PNG header of 12000 x 12000: IHDR with a true checksum, an empty IDAT, IEND.
  const std::string png(
      "\x89PNG\r\n\x1a\n"
      "\0\0\0\rIHDR\0\0\x2e\xe0\0\0\x2e\xe0\x08\x02\0\0\0\xde\x27\x1b\xa6"
      "\0\0\0\0IDAT\x35\xaf\x06\x1e"
      "\0\0\0\0IEND\xae\x42\x60\x82",
      57);
  const auto error = error_of<std::runtime_error>([&] { decode(png); });
  CAPTURE(error);
  CHECK(contains(error, "must have at most 67108864 pixels; got 12000x12000"));
}

TEST_CASE("an image that cannot be encoded") {
  for (const Image& image :
       {Image{}, Image{2, 2, 3, std::vector<uint8_t>(11)}, Image{1, 1, 2, {0, 0}}})
    CHECK(error_of<std::invalid_argument>([&] { encode_png(image); }).starts_with("[image] "));
  CHECK(
      contains(error_of<std::invalid_argument>([] { decode("", 4); }), "channels must be 1 or 3"));
}
