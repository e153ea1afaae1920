// Kernels of single numbers.

// cells[first + k] ← sum k over all blocks. One block.
extern "C" __global__ void finish(const double* partials, u32 blocks, u32 sums, double* cells, u32 first) {
  for (u32 sum = 0; sum < sums; ++sum) {
    double value = 0.0;
    for (u32 block = threadIdx.x; block < blocks; block += block_threads) value += partials[block * sums + sum];
    const double total = block_sum(value);
    if (threadIdx.x == 0) cells[first + sum] = total;
  }
}

// cells[target] ← the number of a table of one. One thread.
extern "C" __global__ void store_number(const double* table, double* cells, u32 target) {
  cells[target] = evaluate(table, 0, 1, cells);
}

// cells[target] ← the first element of a vector. One thread.
extern "C" __global__ void store_element(const float* vector, double* cells, u32 target) {
  cells[target] = static_cast<double>(vector[0]);
}
