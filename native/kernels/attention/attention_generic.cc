#include <cmath>
#include <cstddef>
#include <cstdint>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#include "attention.h"
#include "attention_table.h"
#define FLATMIN_ISA generic
#define FLATMIN_TABLE kGenericAttention
#define FLATMIN_LANES 4
#include "attention_body.h"
