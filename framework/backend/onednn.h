// oneDNN's engine and stream for the CPU. Included by .cc files only, and only with TESSERA_ONEDNN.
#pragma once

#include <dnnl.hpp>

namespace tessera {

dnnl::engine& onednn_engine();
dnnl::stream& onednn_stream();

}  // namespace tessera
