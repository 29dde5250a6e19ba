// oneDNN's engine and stream for the CPU. Included by .cc files only, and only with TESSERA_ONEDNN.
#pragma once

#include <dnnl.hpp>

#include "framework/core/storage.h"

namespace tessera {

dnnl::engine& onednn_engine();
dnnl::stream& onednn_stream();

/// A memory object over bytes that somebody else owns. oneDNN has no const: inputs are not written.
inline dnnl::memory onednn_memory(const dnnl::memory::desc& desc, const void* data) {
  return {desc, onednn_engine(), const_cast<void*>(data)};
}

}  // namespace tessera
