// Names, types and shapes of the state dicts against torchvision's (make_state_dicts.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "layers/models/make_model.h"

using namespace tessera;

namespace {

using Lines = std::vector<std::string>;

/// "conv1.weight f32[64, 3, 7, 7]" in torchvision's order, by the name of the model.
std::map<std::string, Lines> torchvision() {
  std::ifstream file("tests/layers/torchvision_state_dicts.txt");
  std::map<std::string, Lines> models;
  std::string line, model;
  while (std::getline(file, line)) {
    if (line.starts_with("# "))
      model = line.substr(2);
    else
      models[model].push_back(line);
  }
  return models;
}

std::string line_of(const std::string& name, const Tensor& tensor) {
  std::ostringstream line;
  line << name << ' ' << tensor;
  return line.str();
}

Lines starting_with(const Lines& lines, const std::string& prefix) {
  Lines out;
  for (const std::string& line : lines)
    if (line.starts_with(prefix)) out.push_back(line);
  return out;
}

void check_equal(Lines got, Lines want) {
  std::sort(got.begin(), got.end());
  std::sort(want.begin(), want.end());
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == want[i]);
}

void check_model(const std::string& type, const std::string& head, const Lines& expected,
                 const std::string& prefix = "") {
  INFO(type);
  const int64_t size = head == "imagenet" ? 224 : 32, classes = head == "imagenet" ? 1000 : 10;
  ModelConfig config;
  config.type = type;
  config.head = head;
  const auto model =
      make_model(config, {.channels = 3, .height = size, .width = size, .classes = classes});
  Lines state, parameters;
  for (const auto& [name, tensor] : model->state_dict()) state.push_back(line_of(name, tensor));
  check_equal(starting_with(state, prefix), starting_with(expected, prefix));

  // The order, which seeds and optimizers follow, is torchvision's, too.
  for (const Parameter& p : model->parameters()) parameters.push_back(line_of(p.name, p.tensor));
  Lines expected_parameters;
  for (const std::string& line : starting_with(expected, prefix))
    if (line.find("running_") == std::string::npos && line.find("num_batches") == std::string::npos)
      expected_parameters.push_back(line);
  CHECK(starting_with(parameters, prefix) == expected_parameters);
}

}  // namespace

TEST_CASE("state dicts with the imagenet head are torchvision's") {
  const auto expected = torchvision();
  REQUIRE(expected.size() == 11);
  // Of VGG, only one with its 100 million weights of the classifier; it is the same for all.
  for (const char* type : {"vgg11_bn", "resnet18", "resnet34", "resnet50"})
    check_model(type, "imagenet", expected.at(type));
}

TEST_CASE("features of VGG are torchvision's") {
  for (const auto& [type, lines] : torchvision())
    if (type.starts_with("vgg")) check_model(type, "cifar", lines, "features.");
}

TEST_CASE("the blocks of ResNet are torchvision's with the cifar stem, too") {
  const auto expected = torchvision();
  for (const char* type : {"resnet18", "resnet34", "resnet50"})
    for (const char* part : {"layer1.", "layer2.", "layer3.", "layer4.", "bn1."})
      check_model(type, "cifar", expected.at(type), part);
}

TEST_CASE("resnet20 has the paper's size") {
  ModelConfig config;
  config.type = "resnet20";
  const auto model = make_model(config, {.channels = 3, .height = 32, .width = 32, .classes = 10});
  int64_t weights = 0, layers = 0;
  for (const Parameter& parameter : model->parameters()) {
    weights += parameter.tensor.numel();
    layers += parameter.is_prunable() && parameter.name.find("downsample") == std::string::npos;
  }
  CHECK(layers == 20);
  // 269,722 with shortcuts that pad zeros (chenyaofo/pytorch-cifar-models: 272,474 with
  // projections).
  CHECK(weights == 272474);
}
