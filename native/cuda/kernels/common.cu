// What flatmin's kernels share. They are compiled without contraction: one rounding an operation.
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 block_threads = 256;
constexpr u32 tile_elements = 4096;

__device__ inline bool is_finite(double x) { return x - x == 0.0; }

// ---- Ranges of elements, and the tiles that they are cut into.

struct Range {
  u64 first, count;
  u32 row;    // of scalars
  u32 tiles;  // up to and including its own
};

struct Tile {
  u64 first;
  u32 count, row;
};

__device__ inline Tile tile_at(const Range* ranges, u32 count, u32 tile) {
  u32 low = 0, high = count - 1;
  while (low < high) {
    const u32 middle = (low + high) / 2;
    if (ranges[middle].tiles > tile) high = middle;
    else low = middle + 1;
  }
  const Range& range = ranges[low];
  const u64 offset = static_cast<u64>(tile - (low == 0 ? 0 : ranges[low - 1].tiles)) * tile_elements;
  const u64 left = range.count - offset;
  return {range.first + offset, static_cast<u32>(left < tile_elements ? left : tile_elements), range.row};
}

// ---- Numbers computed from cells: each is a row of [first instruction, instructions], an instruction is [operation, operand].

constexpr u32 stack_depth = 16;

__device__ inline double evaluate(const double* rows, u32 index, u32 count, const double* cells) {
  const double* code = rows + 2 * count + 2 * static_cast<u32>(rows[2 * index]);
  const u32 length = static_cast<u32>(rows[2 * index + 1]);
  double stack[stack_depth];
  u32 top = 0;
  for (u32 at = 0; at < length; ++at, code += 2) {
    const u32 operation = static_cast<u32>(code[0]);
    if (operation < 2) {
      stack[top++] = operation == 0 ? code[1] : cells[static_cast<u32>(code[1])];
      continue;
    }
    if (operation > 4) --top;
    const double a = stack[top - 1], b = stack[top];
    double result = a;
    switch (operation) {
      case 2: result = sqrt(a); break;
      case 3: result = static_cast<double>(static_cast<float>(a)); break;
      case 4: {
        const float inverse = static_cast<float>(1.0 / a);
        result = a > 0.0 && inverse > 0.0f && is_finite(inverse) ? a : 0.0;
        break;
      }
      case 5: result = a + b; break;
      case 6: result = a - b; break;
      case 7: result = a * b; break;
      case 8: result = a / b; break;
      case 9: result = b > 0.0 ? a / b : 0.0; break;
      case 10: result = a < b || a != a ? a : b; break;
      case 11: result = a > b || a != a ? a : b; break;
    }
    stack[top - 1] = result;
  }
  return stack[0];
}

// ---- Sums in float64: each block leaves its own, and `finish` adds them in the order of the blocks' threads: the same bits at every run.

// The square of a float32 is exact in float64, so this rounds once whether it is fused or not.
__device__ inline double add_square(double sum, float x) { return fma(static_cast<double>(x), static_cast<double>(x), sum); }

__device__ inline double block_sum(double value) {
  __shared__ double parts[block_threads];
  __syncthreads();
  parts[threadIdx.x] = value;
  __syncthreads();
  for (u32 half = block_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
    __syncthreads();
  }
  return parts[0];
}

__device__ inline void leave_sum(double value, double* partials, u32 sum, u32 sums) {
  const double total = block_sum(value);
  if (threadIdx.x == 0) partials[blockIdx.x * sums + sum] = total;
}
