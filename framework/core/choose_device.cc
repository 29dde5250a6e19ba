#include "framework/core/choose_device.h"

#include <charconv>

#include "framework/core/device_memory.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// Throws unless work can be queued on the device.
void check_works(Device device) {
  if constexpr (kCudaBuild) {
    std::string reason;
    const int count = cuda_device_count(&reason);
    require(device.index < count, "[device] ", device, " must exist; got ", count, " CUDA devices",
            reason.empty() ? "" : " (" + reason + ")", ". Use run.device=cpu, or auto.");
    device_memory::free_bytes(device);
  } else {
    fail("[device] ", device, " needs a build with CUDA; got one without. Configure with ",
         "-DTESSERA_CUDA=ON, or use run.device=cpu.");
  }
}

DeviceChoice choose_automatically() {
  if constexpr (!kCudaBuild) return {{}, "this build is without CUDA"};
  const Device first{Device::Type::cuda, 0};
  try {
    check_works(first);
    return {first, "the first CUDA device"};
  } catch (const std::exception& error) {
    return {{}, concat("no CUDA device can be used: ", error.what())};
  }
}

}  // namespace

std::optional<Device> parse_device(const std::string& name) {
  if (name == "auto" || name == "cpu") return Device{};
  if (name == "cuda") return Device{Device::Type::cuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  Device device{Device::Type::cuda, 0};
  const char* const begin = name.data() + kPrefix.size();
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, device.index);
  if (begin == end || stop != end || error != std::errc() || device.index < 0) return std::nullopt;
  return device;
}

DeviceChoice choose_device(const std::string& name) {
  if (name == "auto") return choose_automatically();
  const auto device = parse_device(name);
  require(device.has_value(), "[device] the name must be auto, cpu, cuda or cuda:N; got '", name,
          "'.");
  if (!device->is_cpu()) check_works(*device);
  return {*device, ""};
}

}  // namespace tessera
