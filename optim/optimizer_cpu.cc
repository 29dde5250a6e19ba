#include "optim/optimizer.h"

namespace tessera {

void count_step(Cpu&, std::vector<ParameterSlot>& slots, const StepRate&) {
  for (ParameterSlot& slot : slots) slot.steps.increment();
}

}  // namespace tessera
