#include "framework/io/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "framework/core/errors.h"

namespace tessera {

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  require_runtime(in.good(), "[file] ", path.string(),
                  " must be readable; got: ", std::strerror(errno), ".");
  return text.str();
}

}  // namespace tessera
