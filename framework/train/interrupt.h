// SIGINT and SIGTERM while training: noticed between steps, so that the state is saved first.
#pragma once

#include <stdexcept>

namespace tessera {

/// Thrown after the state was saved because of a signal.
struct Interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Catches the two signals while it lives; a second one ends the process at once.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// The signal's name once one has come, else null.
  static const char* pending();

 private:
  void (*previous_int_)(int);
  void (*previous_term_)(int);
};

}  // namespace tessera
