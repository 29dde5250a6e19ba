// What the tests of data sets share: gzip, and errors as text.
#pragma once

#include <doctest/doctest.h>
#include <zlib.h>

#include <functional>
#include <string>

#include "tests/temporary_folder.h"

namespace tessera::testing {

inline Bytes gzip(const Bytes& bytes) {
  z_stream z{};
  constexpr int kGzipWindow = 15 + 16;
  deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&z, bytes.size()));
  z.next_in = const_cast<Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// The message of what `f` throws; "" where it returns.
inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline void check_message(const std::string& got, const std::string& wanted) {
  INFO("message: ", got, "\nwanted: ", wanted);
  CHECK(got.find(wanted) != std::string::npos);
}

/// The folder `name` of the real data; says so and returns "" where there is none.
inline std::filesystem::path real_data(const std::string& name) {
  const char* const root = std::getenv("TESSERA_DATA");
  const auto path = root == nullptr ? std::filesystem::path() : std::filesystem::path(root) / name;
  if (root != nullptr && std::filesystem::exists(path)) return path;
  MESSAGE("skipped: needs ", name, " in $TESSERA_DATA, which is ",
          root == nullptr ? "not set" : root);
  return {};
}

}  // namespace tessera::testing
