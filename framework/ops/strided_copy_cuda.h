// The kernel of copies that keep runs of neighbours together.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/ops/strided_copy.h"

namespace tessera {

/// `copy` counts in bytes.
void copy_runs(const char* op, const Cuda& cuda, const StridedCopy& copy, const Tensor& from,
               Tensor& to);

}  // namespace tessera
