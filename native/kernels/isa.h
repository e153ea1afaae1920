#pragma once

namespace flatmin::kernels {

/// Instruction sets that kernels are compiled for, best first.
enum class Isa { avx512, avx2, generic };

/// The best that the processor has. FLATMIN_ISA=avx2 or generic holds the kernels back to an older one, for tests and comparisons.
Isa wanted_isa();

}  // namespace flatmin::kernels
