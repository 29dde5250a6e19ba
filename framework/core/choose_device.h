// The device that a name of the config or of the command line stands for.
#pragma once

#include <optional>
#include <string>

#include "framework/core/device.h"

namespace tessera {

/// What `auto`, `cpu`, `cuda` (the first device) or `cuda:N` names, `auto` counting as cpu; nothing
/// for other texts. Asks no driver.
std::optional<Device> parse_device(const std::string& name);

struct DeviceChoice {
  Device device;
  std::string reason;  ///< why; empty where the name leaves no choice
};

/// The device of `name`, which works: `auto` takes the first CUDA device that this build has code
/// for, else the cpu, and says why.
/// Throws: std::invalid_argument for an unknown name, a CUDA device in a build without CUDA, and
/// one that is not there; std::runtime_error where this build holds no code for it.
DeviceChoice choose_device(const std::string& name);

}  // namespace tessera
