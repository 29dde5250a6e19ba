#include "framework/io/load_config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include "framework/core/errors.h"
#include "framework/io/config_checks.h"
#include "framework/io/config_reader.h"
#include "framework/io/config_writer.h"

namespace tessera {
namespace {

std::string read_text(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& why) {
    throw ConfigError({concat(path.string(), ": the config ", why)});
  };
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) refuse("does not exist");
  if (std::filesystem::is_directory(status)) refuse("must be a file; got a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(concat("cannot be read: ", std::strerror(errno)));
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) refuse("cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_config(read_text(path), path.string(), overrides);
}

Config parse_config(std::string_view text, const std::string& origin,
                    const std::vector<std::string>& overrides) {
  if (text.size() > kMaxConfigBytes)
    throw ConfigError({concat(origin, ": a config holds at most ", kMaxConfigBytes, " bytes")});
  ConfigErrors errors;
  Document document = parse_yaml(text, origin, errors);
  for (const std::string& argument : overrides) apply_override(document, argument, errors);
  substitute_environment(document, errors);

  Config config;
  ConfigReader reader(bind_fields(config), errors);
  reader.read(document);
  config.has_prune = reader.has("prune");
  if (config.prune.target_speedup > 0 && !reader.has("prune.sparsity")) config.prune.sparsity = 0;
  // Relations between values that were refused on their own would only repeat the complaint.
  if (errors.empty()) check_relations(config, reader, errors);
  errors.throw_if_any();
  return config;
}

std::string dump_config(const Config& config) {
  Config copy = config;
  std::vector<BoundField> fields;
  for (const BoundField& field : bind_fields(copy))
    if (config.has_prune || !field.field->path.starts_with("prune.")) fields.push_back(field);
  return write_yaml(fields);
}

}  // namespace tessera
