#include "framework/io/config_error.h"

#include <utility>

#include "framework/core/errors.h"

namespace tessera {
namespace {

std::string joined(const std::vector<std::string>& messages) {
  std::string text;
  for (const std::string& message : messages) text += message + "\n";
  return concat(text, "(", messages.size(), messages.size() == 1 ? " error" : " errors",
                ", nothing run)");
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> messages)
    : std::invalid_argument(joined(messages)), messages_(std::move(messages)) {}

}  // namespace tessera
