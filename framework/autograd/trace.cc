#include "framework/autograd/trace.h"

namespace tessera {
namespace {
thread_local Trace* active_trace = nullptr;
}

Trace::Trace() {
  require(active_trace == nullptr,
          "[trace] one trace may be open on a thread; got a second. Close the first.");
  active_trace = this;
}

Trace::~Trace() { active_trace = nullptr; }

Trace* Trace::active() { return active_trace; }

}  // namespace tessera
