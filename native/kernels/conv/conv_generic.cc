#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#include "conv.h"
#include "conv_table.h"
#define FLATMIN_ISA generic
#define FLATMIN_TABLE kGenericTable
#define FLATMIN_LANES 4
#include "conv_body.h"
