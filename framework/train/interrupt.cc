#include "framework/train/interrupt.h"

#include <csignal>

namespace tessera {
namespace {

volatile std::sig_atomic_t caught = 0;

void note(int signal) {
  caught = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

InterruptScope::InterruptScope() {
  caught = 0;
  previous_int_ = std::signal(SIGINT, note);
  previous_term_ = std::signal(SIGTERM, note);
}

InterruptScope::~InterruptScope() {
  std::signal(SIGINT, previous_int_);
  std::signal(SIGTERM, previous_term_);
}

const char* InterruptScope::pending() {
  if (caught == 0) return nullptr;
  return caught == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace tessera
