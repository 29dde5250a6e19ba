// The error of an allocation that no memory was left for, with what was being computed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tessera {

/// "[memory] layer features.3 (Conv2d) must find memory. <reason>", or the reason alone where
/// nothing is known.
struct OutOfMemory : std::runtime_error {
  explicit OutOfMemory(const std::string& allocation)
      : std::runtime_error(allocation), reason(allocation) {}
  OutOfMemory(const std::string& role, std::string computed, std::string allocation)
      : std::runtime_error("[memory] " + role + " " + computed + " must find memory. " +
                           allocation),
        name(std::move(computed)),
        reason(std::move(allocation)) {}

  std::string name;    ///< of the layer or op; empty: not known
  std::string reason;  ///< what was asked for, held, cached and free
};

}  // namespace tessera
