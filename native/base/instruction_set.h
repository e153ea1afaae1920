// Which of the instruction sets that kernels are compiled for is used.
#pragma once

namespace flatmin {

enum class InstructionSet { avx512, avx2, generic };  // best first

// The best that the processor has; FLATMIN_ISA=avx2 or generic holds kernels back to an older one, for tests and comparisons.
InstructionSet instruction_set();

}  // namespace flatmin
