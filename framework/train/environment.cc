#include "framework/train/environment.h"

#include <sys/utsname.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "framework/backend/cpu.h"
#include "framework/backend/cuda_info.h"
#include "framework/io/atomic_file.h"

namespace tessera {

void write_environment(const std::filesystem::path& path, const std::string& device) {
  utsname system{};
  ::uname(&system);
  char started[32] = "";
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  std::strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&seconds, &utc));
  nlohmann::ordered_json json{
      {"tessera", TESSERA_VERSION},
      {"compiler", __VERSION__},
      {"started", started},
      {"system", concat(system.sysname, " ", system.release, " ", system.machine)},
      {"instruction_set", concat(cpu().isa())},
      {"threads", cpu().threads()},
      {"device", device},
  };
  if constexpr (kCudaBuild) {
    const CudaInfo cuda = cuda_info();
    json["cuda"] = {{"driver", cuda.driver},
                    {"runtime", cuda.runtime},
                    {"cublas", cuda.cublas},
                    {"cudnn", cuda.cudnn}};
  }
  write_file_atomically(path, json.dump(2) + "\n");
}

}  // namespace tessera
