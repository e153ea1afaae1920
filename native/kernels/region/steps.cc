#include "steps.h"

#include "../../base/instruction_set.h"

namespace flatmin::kernels::region {

const StepTable& steps() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512: return kAvx512Steps;
    case InstructionSet::avx2: return kAvx2Steps;
    case InstructionSet::generic: break;
  }
#endif
  return kGenericSteps;
}

}  // namespace flatmin::kernels::region
