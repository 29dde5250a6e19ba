// What is wrong with a config: every mistake at once.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace tessera {

/// what() is the messages, one a line, and a last line "(N errors, nothing run)".
class ConfigError : public std::invalid_argument {
 public:
  /// REQUIRES: at least one message.
  explicit ConfigError(std::vector<std::string> messages);

  /// "file.yaml:14:5: unknown key 'prune.final_sparsty' - did you mean 'prune.sparsity'?"
  const std::vector<std::string>& messages() const { return messages_; }

 private:
  std::vector<std::string> messages_;
};

}  // namespace tessera
