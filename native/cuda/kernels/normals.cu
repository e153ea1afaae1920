// Standard normal numbers, bit for bit those of native/vectors/philox.cc: the same counters of Philox4x32-10 (Salmon et al. 2011), the same
// polynomials in the same order.

struct Words {
  u32 x0, x1, x2, x3;
};

struct Pair {
  float first, second;
};

__device__ inline float as_float(u32 bits) {
  union {
    u32 bits;
    float value;
  } word = {bits};
  return word.value;
}

__device__ inline u32 as_bits(float value) {
  union {
    float value;
    u32 bits;
  } word = {value};
  return word.bits;
}

__device__ inline u32 high_product(u32 a, u32 b) { return static_cast<u32>((static_cast<u64>(a) * b) >> 32); }

__device__ inline Words philox(Words x, u32 key0, u32 key1) {
  for (u32 round = 0; round < 10; ++round) {
    x = {high_product(0xCD9E8D57u, x.x2) ^ x.x1 ^ key0, 0xCD9E8D57u * x.x2,
         high_product(0xD2511F53u, x.x0) ^ x.x3 ^ key1, 0xD2511F53u * x.x0};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return x;
}

// ln u for normal u > 0.
__device__ inline float log_of(float u) {
  const u32 sqrt_half_bits = 0x3F3504F3u;
  const float ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;
  const int exponent = static_cast<int>(as_bits(u) - sqrt_half_bits) >> 23;
  const float e = static_cast<float>(exponent);
  const float f = as_float(as_bits(u) - (static_cast<u32>(exponent) << 23)) - 1.0f;
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

__device__ inline Pair box_muller(u32 a, u32 b) {
  const float u = static_cast<float>(static_cast<int>(a >> 1)) * 4.656612873077393e-10f + 2.3283064365386963e-10f;
  const float r = sqrtf(-2.0f * log_of(u));
  const u32 turn = b & ~31u;
  const u32 quadrant = (turn + 0x20000000u) >> 30;
  const float y = static_cast<float>(static_cast<int>(turn - (quadrant << 30))) * 9.313225746154785e-10f;
  const float z = y * y;
  const float half_pi_high = 1.57079637f, half_pi_low = -4.37113883e-8f;
  const float sin_tail = half_pi_low + z * (-0.645964026f + z * (0.0796870291f + z * -0.00462196674f));
  const float sin_y = y * half_pi_high + y * sin_tail;
  const float cos_y = 1.0f + z * (-1.23370051f + z * (0.253669411f + z * (-0.0208615288f + z * 0.000906739908f)));
  const bool odd = (quadrant & 1u) != 0;
  const u32 cosine = odd ? as_bits(sin_y) : as_bits(cos_y);
  const u32 sine = odd ? as_bits(cos_y) : as_bits(sin_y);
  return {r * as_float(cosine ^ (((quadrant + 1u) & 2u) << 30)), r * as_float(sine ^ ((quadrant & 2u) << 30))};
}

// out[i] ← normal number i of the stream inside the ranges, and each block's Σ of their squares.
extern "C" __global__ void __launch_bounds__(256) fill_normal(const Range* ranges, u32 range_count, u32 tiles, double* partials,
                                                              float* out, u64 seed, u64 stream) {
  double squares = 0.0;
  const bool aligned = (reinterpret_cast<u64>(out) & 15u) == 0;
  for (u32 index = blockIdx.x; index < tiles; index += gridDim.x) {
    const Tile tile = tile_at(ranges, range_count, index);
    const u64 begin = tile.first, end = tile.first + tile.count;
    for (u64 four = begin / 4 + threadIdx.x; 4 * four < end; four += block_threads) {
      const Words x = philox({static_cast<u32>(four), static_cast<u32>(four >> 32), static_cast<u32>(stream),
                              static_cast<u32>(stream >> 32)},
                             static_cast<u32>(seed), static_cast<u32>(seed >> 32));
      const Pair n = box_muller(x.x0, x.x1), m = box_muller(x.x2, x.x3);
      if (aligned && 4 * four >= begin && 4 * four + 4 <= end) {
        reinterpret_cast<float4*>(out)[four] = make_float4(n.first, n.second, m.first, m.second);
        squares = add_square(squares, n.first);
        squares = add_square(squares, n.second);
        squares = add_square(squares, m.first);
        squares = add_square(squares, m.second);
        continue;
      }
      const float values[4] = {n.first, n.second, m.first, m.second};
      for (u32 k = 0; k < 4; ++k) {
        const u64 at = 4 * four + k;
        if (at < begin || at >= end) continue;
        out[at] = values[k];
        squares = add_square(squares, values[k]);
      }
    }
  }
  leave_sum(squares, partials, 0, 1);
}
