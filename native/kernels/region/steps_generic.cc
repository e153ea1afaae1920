#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "steps.h"
#define FLATMIN_ISA generic
#define FLATMIN_STEPS kGenericSteps
#define FLATMIN_LANES 4
#include "steps_body.h"
