// Errors. Every message reads "[where] what must hold; got ... . <fix>".
// The caller's mistakes throw std::invalid_argument; failures of the machine, of a library or of
// I/O throw std::runtime_error. The library never calls exit() and never asserts on input.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace tessera {

/// The parts streamed one after the other.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws std::invalid_argument unless `ok`; the message is only built on failure.
template <class... Parts>
void require(bool ok, const Parts&... message) {
  if (!ok) throw std::invalid_argument(concat(message...));
}

/// As require(), for what the caller could not have prevented: throws std::runtime_error.
template <class... Parts>
void require_runtime(bool ok, const Parts&... message) {
  if (!ok) throw std::runtime_error(concat(message...));
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... message) {
  throw std::invalid_argument(concat(message...));
}

template <class... Parts>
[[noreturn]] void fail_runtime(const Parts&... message) {
  throw std::runtime_error(concat(message...));
}

}  // namespace tessera
