// Activations as layers: y[i] = f(x[i]), any shape, any layout.
#pragma once

#include "framework/ops/gelu.h"
#include "framework/ops/relu.h"
#include "framework/ops/sigmoid.h"
#include "framework/ops/silu.h"
#include "framework/ops/tanh.h"
#include "layers/module.h"

namespace tessera {

class ReLU : public Module {
 public:
  const char* kind() const override { return "ReLU"; }
  Tensor forward(const Tensor& x) override { return relu(x); }
};

class GELU : public Module {
 public:
  explicit GELU(GeluForm form = GeluForm::exact) : form_(form) {}
  const char* kind() const override { return "GELU"; }
  Tensor forward(const Tensor& x) override { return gelu(x, form_); }

 private:
  GeluForm form_;
};

class SiLU : public Module {
 public:
  const char* kind() const override { return "SiLU"; }
  Tensor forward(const Tensor& x) override { return silu(x); }
};

class Sigmoid : public Module {
 public:
  const char* kind() const override { return "Sigmoid"; }
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
};

class Tanh : public Module {
 public:
  const char* kind() const override { return "Tanh"; }
  Tensor forward(const Tensor& x) override { return tanh(x); }
};

}  // namespace tessera
