// Whether a CUDA device measures cuDNN's engines and takes the fastest (run.autotune), or takes the
// first of the library's own ranking; at first it does not measure. In builds with CUDA only.
//
// The ranking is a function of shapes, types, device and library, so runs repeat bit by bit. A
// measurement is not: a process keeps its choice, another one may choose an engine that adds in
// another order.
#pragma once

#include "framework/core/device.h"

namespace tessera {

void allow_autotune(Device device, bool allowed);

}  // namespace tessera
