// Counter-based random numbers: the value at an index depends on (seed, stream, index) alone.
//
// Generator: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011. Numbers 4b … 4b+3 of a stream come from the words x0 … x3 of block b, with
//   counter = (b mod 2³², b div 2³², stream mod 2³², stream div 2³²), key = (seed mod 2³², seed div 2³²).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace flatmin {

/// The ten-round Philox bijection of one counter under one key.
std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// out[i] ← word number `first_index + i` of the stream: uniform on [0, 2³²). `first_index + count` ≤ 2⁶⁴.
void uniform_bits_fill(uint32_t* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index,
                       unsigned threads);

/// out[i] ← standard normal number `first_index + i` of the stream. `first_index + count` ≤ 2⁶⁴.
///
/// Box–Muller on the word pairs (x0, x1) and (x2, x3) of a block; of a pair (a, b), in float32:
///   u = float(a div 2)·2⁻³¹ + 2⁻³² ∈ (0, 1],  θ = 2π·(b div 32)·2⁻²⁷,  r = √(−2 ln u) ≤ 6.67,
///   first = r cos θ, second = r sin θ.
/// ln, cos and sin are polynomials evaluated in float32 without fused multiply-add, so every processor gives
/// the same bits; absolute error against the same formulas in exact arithmetic < 1e-6.
/// Returns Σ out[i]² in float64, summed in an order that does not depend on `threads`.
double normal_fill(float* out, size_t count, uint64_t seed, uint64_t stream, uint64_t first_index, unsigned threads);

}  // namespace flatmin
