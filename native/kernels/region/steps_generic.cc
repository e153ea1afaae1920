#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "steps.h"
#define FLATMIN_ISA generic
#define FLATMIN_STEPS kGenericSteps
#include "steps_body.h"
