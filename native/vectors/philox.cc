#include "philox.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>
#include <cstring>

#include "../base/parallel.h"
#include "../base/vectorize.h"

namespace flatmin {
namespace {

struct Words {
  uint32_t x0, x1, x2, x3;
};

struct Pair {
  float first, second;
};

FLATMIN_INLINE float as_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

FLATMIN_INLINE uint32_t as_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

FLATMIN_INLINE uint32_t high_product(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
}

FLATMIN_INLINE Words philox_round(Words x, uint32_t key0, uint32_t key1) {
  constexpr uint32_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
  return {high_product(multiplier1, x.x2) ^ x.x1 ^ key0, multiplier1 * x.x2,
          high_product(multiplier0, x.x0) ^ x.x3 ^ key1, multiplier0 * x.x0};
}

FLATMIN_INLINE Words philox(Words x, uint32_t key0, uint32_t key1) {
  constexpr uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;
  x = philox_round(x, key0, key1);
  x = philox_round(x, key0 + 1 * weyl0, key1 + 1 * weyl1);
  x = philox_round(x, key0 + 2 * weyl0, key1 + 2 * weyl1);
  x = philox_round(x, key0 + 3 * weyl0, key1 + 3 * weyl1);
  x = philox_round(x, key0 + 4 * weyl0, key1 + 4 * weyl1);
  x = philox_round(x, key0 + 5 * weyl0, key1 + 5 * weyl1);
  x = philox_round(x, key0 + 6 * weyl0, key1 + 6 * weyl1);
  x = philox_round(x, key0 + 7 * weyl0, key1 + 7 * weyl1);
  x = philox_round(x, key0 + 8 * weyl0, key1 + 8 * weyl1);
  return philox_round(x, key0 + 9 * weyl0, key1 + 9 * weyl1);
}

/// ln u for normal u > 0: u = 2ᵉ·(1 + f) with 1 + f in [√½, √2), ln(1 + f) = f − f²/2 + f³P(f).
/// P: Chebyshev fit, |f²·error| < 5e-9.
FLATMIN_INLINE float log_of(float u) {
  constexpr uint32_t sqrt_half_bits = 0x3F3504F3;
  constexpr float ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;  // the first has 16 bits: e·ln2_high is exact
  const int32_t exponent = static_cast<int32_t>(as_bits(u) - sqrt_half_bits) >> 23;
  const float e = static_cast<float>(exponent);
  const float f = as_float(as_bits(u) - (static_cast<uint32_t>(exponent) << 23)) - 1.0f;
  const float f2 = f * f;
  float p = 0.0697161183f;
  p = p * f - 0.114797339f;
  p = p * f + 0.116854198f;
  p = p * f - 0.124256872f;
  p = p * f + 0.142490581f;
  p = p * f - 0.166678026f;
  p = p * f + 0.200007156f;
  p = p * f - 0.249999970f;
  p = p * f + 0.333333313f;
  const float tail = (f2 * f) * p + e * ln2_low;
  return e * ln2_high + (f + (tail - 0.5f * f2));
}

/// The two normals of the words a and b.
FLATMIN_INLINE Pair box_muller(uint32_t a, uint32_t b) {
  const float u = static_cast<float>(static_cast<int32_t>(a >> 1)) * 0x1p-31f + 0x1p-32f;
  const float r = std::sqrt(-2.0f * log_of(u));

  // θ = quadrant·π/2 + y·π/2, y in [−½, ½) exactly. Chebyshev fits in z = y²: errors < 1e-8.
  const uint32_t turn = b & ~31u;
  const uint32_t quadrant = (turn + 0x20000000u) >> 30;
  const float y = static_cast<float>(static_cast<int32_t>(turn - (quadrant << 30))) * 0x1p-30f;
  const float z = y * y;
  const float half_pi_high = 1.57079637f, half_pi_low = -4.37113883e-8f;
  const float sin_tail = half_pi_low + z * (-0.645964026f + z * (0.0796870291f + z * -0.00462196674f));
  const float sin_y = y * half_pi_high + y * sin_tail;
  const float cos_y = 1.0f + z * (-1.23370051f + z * (0.253669411f + z * (-0.0208615288f + z * 0.000906739908f)));

  const bool odd = (quadrant & 1) != 0;
  const uint32_t cosine = odd ? as_bits(sin_y) : as_bits(cos_y);
  const uint32_t sine = odd ? as_bits(cos_y) : as_bits(sin_y);
  return {r * as_float(cosine ^ (((quadrant + 1) & 2) << 30)), r * as_float(sine ^ ((quadrant & 2) << 30))};
}

constexpr size_t tile_blocks = 64;
constexpr size_t tile_numbers = 4 * tile_blocks;
constexpr size_t task_numbers = size_t{1} << 16;

FLATMIN_INLINE Words block_words(uint64_t seed, uint64_t stream, uint64_t first_block, uint32_t lane) {
  const uint32_t low = static_cast<uint32_t>(first_block) + lane;
  const uint32_t high = static_cast<uint32_t>(first_block >> 32) + (low < lane ? 1u : 0u);
  return philox({low, high, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

FLATMIN_CLONES void fill_tiles(uint32_t* out, size_t tiles, uint64_t seed, uint64_t stream, uint64_t first_block) {
  for (size_t tile = 0; tile < tiles; ++tile, out += tile_numbers, first_block += tile_blocks) {
    FLATMIN_INDEPENDENT
    for (uint32_t lane = 0; lane < tile_blocks; ++lane) {
      const Words x = block_words(seed, stream, first_block, lane);
      out[4 * lane] = x.x0;
      out[4 * lane + 1] = x.x1;
      out[4 * lane + 2] = x.x2;
      out[4 * lane + 3] = x.x3;
    }
  }
}

FLATMIN_CLONES void fill_tiles(float* out, size_t tiles, uint64_t seed, uint64_t stream, uint64_t first_block) {
  for (size_t tile = 0; tile < tiles; ++tile, out += tile_numbers, first_block += tile_blocks) {
    FLATMIN_INDEPENDENT
    for (uint32_t lane = 0; lane < tile_blocks; ++lane) {
      const Words x = block_words(seed, stream, first_block, lane);
      const Pair n = box_muller(x.x0, x.x1);
      const Pair m = box_muller(x.x2, x.x3);
      out[4 * lane] = n.first;
      out[4 * lane + 1] = n.second;
      out[4 * lane + 2] = m.first;
      out[4 * lane + 3] = m.second;
    }
  }
}

/// Whole tiles go straight to `out`; the ends of the range are cut from a tile on the stack.
template <class Number>
void fill_range(Number* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index) {
  while (count > 0) {
    const size_t skipped = first_index % tile_numbers;
    const size_t tiles = skipped == 0 ? count / tile_numbers : 0;
    size_t filled = tiles * tile_numbers;
    if (tiles > 0) {
      fill_tiles(out, tiles, seed, stream, first_index / 4);
    } else {
      Number tile[tile_numbers];
      fill_tiles(tile, 1, seed, stream, (first_index - skipped) / 4);
      filled = std::min(tile_numbers - skipped, count);
      std::copy_n(tile + skipped, filled, out);
    }
    out += filled;
    first_index += filled;
    count -= filled;
  }
}

/// Σ x² of numbers that are still in the cache.
FLATMIN_CLONES double sum_of_squares(const float* x, size_t count) {
  constexpr size_t lanes = 16;
  double total = 0, sums[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (size_t lane = 0; lane < lanes; ++lane) {
      const double value = x[i + lane];
      sums[lane] += value * value;
    }
  }
  for (; i < count; ++i) total += static_cast<double>(x[i]) * x[i];
  for (double sum : sums) total += sum;
  return total;
}

/// `done(task, first number, how many)` is called for each finished part.
template <class Number, class Done>
void fill(Number* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index, unsigned threads, const Done& done) {
  parallel_for((count + task_numbers - 1) / task_numbers, threads, [&](size_t task) {
    const size_t begin = task * task_numbers;
    const size_t size = std::min(task_numbers, count - begin);
    fill_range(out + begin, size, seed, stream, first_index + begin);
    done(task, out + begin, size);
  });
}

}  // namespace

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  const Words x = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  return {x.x0, x.x1, x.x2, x.x3};
}

void uniform_bits_fill(uint32_t* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index,
                       unsigned threads) {
  fill(out, count, seed, stream, first_index, threads, [](size_t, const uint32_t*, size_t) {});
}

double normal_fill(float* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index, unsigned threads) {
  std::vector<double> squares((count + task_numbers - 1) / task_numbers);
  fill(out, count, seed, stream, first_index, threads,
       [&](size_t task, const float* part, size_t size) { squares[task] = sum_of_squares(part, size); });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

}  // namespace flatmin
