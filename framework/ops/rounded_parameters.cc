#include "framework/ops/rounded_parameters.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

thread_local RoundedParameters* open_scope = nullptr;

/// A parameter of a layer: the same tensor at each step.
bool is_leaf(const Tensor& tensor) {
  return tensor.requires_grad() && tensor.autograd()->node == nullptr;
}

void append_parts(const std::vector<Tensor>& parameters, const Tensor& joined,
                  std::vector<RoundedPart>& parts) {
  int64_t offset = 0;
  for (const Tensor& parameter : parameters) {
    parts.push_back({parameter, joined, offset});
    offset += parameter.numel();
  }
}

void round_all(std::vector<RoundedPart>& parts) {
  if (parts.empty()) return;
  on_backend("round", parts[0].from.device(), [&](auto& backend) { round_parts(backend, parts); });
}

Tensor room_for(const std::vector<Tensor>& parameters, DType dtype) {
  const Shape& shape = parameters[0].shape();
  std::vector<int64_t> dims(shape.begin(), shape.end());
  for (size_t i = 1; i < parameters.size(); ++i) dims[0] += parameters[i].dim(0);
  return Tensor::empty(Shape(dims), {.dtype = dtype, .device = parameters[0].device()});
}

}  // namespace

Tensor rounded(const std::vector<Tensor>& parameters, DType dtype) {
  if (parameters.size() == 1 && parameters[0].dtype() == dtype) return parameters[0].detach();
  if (open_scope != nullptr && std::ranges::all_of(parameters, is_leaf))
    return open_scope->kept(parameters, dtype);
  if (parameters.size() == 1) return parameters[0].to(dtype);
  Tensor joined = room_for(parameters, dtype);
  std::vector<RoundedPart> parts;
  append_parts(parameters, joined, parts);
  round_all(parts);
  return joined;
}

Tensor RoundedParameters::kept(const std::vector<Tensor>& parameters, DType dtype) {
  for (const Entry& entry : entries_)
    if (entry.joined.dtype() == dtype &&
        std::ranges::equal(entry.parameters, parameters, {}, &Tensor::id, &Tensor::id))
      return entry.joined;
  entries_.push_back({parameters, room_for(parameters, dtype)});
  std::vector<RoundedPart> parts;
  append_parts(parameters, entries_.back().joined, parts);
  round_all(parts);
  return entries_.back().joined;
}

void RoundedParameters::refresh() {
  std::vector<RoundedPart> parts;
  for (const Entry& entry : entries_) append_parts(entry.parameters, entry.joined, parts);
  round_all(parts);
}

RoundedParameters::Scope::Scope(RoundedParameters& parameters)
    : previous_(std::exchange(open_scope, &parameters)) {}
RoundedParameters::Scope::~Scope() { open_scope = previous_; }

void round_parts(Cpu&, std::vector<RoundedPart>& parts) {
  for (RoundedPart& part : parts) {
    const Tensor values = part.from.to(part.to.dtype());
    std::memcpy(part.to.raw() + part.offset * size_of(values.dtype()), values.raw(),
                static_cast<size_t>(values.nbytes()));
  }
}

}  // namespace tessera
