#include "framework/io/image.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"
#include "framework/io/image_integrity.h"

#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace tessera {

Image decode_image(const std::filesystem::path& path, int channels) {
  const std::string name = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  require_runtime(std::filesystem::exists(status), "[image] ", name, " must exist; got none.");
  require_runtime(std::filesystem::is_regular_file(status), "[image] ", name,
                  " must be a file; got another kind.");
  errno = 0;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const auto size = in.is_open() ? static_cast<int64_t>(in.tellg()) : -1;
  require_runtime(size >= 0, "[image] ", name, " must be readable; got: ", std::strerror(errno),
                  ".");
  require_runtime(size <= kMaxImageFileBytes, "[image] ", name, " must have at most ",
                  kMaxImageFileBytes, " bytes; got ", size, ".");
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  require_runtime(in.gcount() == size, "[image] ", name, " must be readable; got ", in.gcount(),
                  " of ", size, " bytes.");
  return decode_image(bytes, name, channels);
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, int channels) {
  require(channels == 1 || channels == 3, "[image] channels must be 1 or 3; got ", channels, ".");
  require_runtime(static_cast<int64_t>(bytes.size()) <= kMaxImageFileBytes, "[image] ", name,
                  " must have at most ", kMaxImageFileBytes, " bytes; got ", bytes.size(), ".");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  const auto check = [&](bool ok, const char* problem) {
    require_runtime(ok, "[image] ", name, " must be a JPEG, PNG or BMP image; got: ", problem, ".");
  };
  const std::string damage = damage_in({data, bytes.size()});
  check(damage.empty(), damage.c_str());
  Image image;
  image.channels = channels;
  int stored_channels = 0;
  check(stbi_info_from_memory(data, size, &image.width, &image.height, &stored_channels) != 0,
        "a damaged header");
  require_runtime(int64_t{image.width} * image.height <= kMaxImagePixels, "[image] ", name,
                  " must have at most ", kMaxImagePixels, " pixels; got ", image.width, "x",
                  image.height, ".");
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(data, size, &image.width, &image.height, &stored_channels, channels),
      &stbi_image_free);
  check(pixels != nullptr, stbi_failure_reason());
  image.pixels.assign(pixels.get(),
                      pixels.get() + size_t{1} * image.width * image.height * channels);
  return image;
}

std::string encode_png(const Image& image) {
  const int64_t bytes = int64_t{image.height} * image.width * image.channels;
  require((image.channels == 1 || image.channels == 3) && image.height > 0 && image.width > 0 &&
              bytes == static_cast<int64_t>(image.pixels.size()),
          "[image] an image must have 1 or 3 channels and all its pixels; got ", image.height, "x",
          image.width, "x", image.channels, " with ", image.pixels.size(), " bytes.");
  require(bytes <= kMaxImageFileBytes, "[image] a PNG image must have at most ", kMaxImageFileBytes,
          " bytes of pixels; got ", bytes, ".");
  std::string png;
  const auto append = [](void* out, void* data, int size) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(data),
                                           static_cast<size_t>(size));
  };
  const int ok = stbi_write_png_to_func(append, &png, image.width, image.height, image.channels,
                                        image.pixels.data(), image.width * image.channels);
  require_runtime(ok != 0, "[image] memory must suffice to encode ", image.height, "x", image.width,
                  " pixels; got too little.");
  return png;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace tessera
