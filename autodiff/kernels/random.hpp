#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
/// Element i of a stream is a function of (seed, stream, i) alone: the same for any number of threads, and for float
/// and double up to rounding.
namespace xtangent::kernels {

/// 128 random bits.
std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter);

/// out (n) = uniform random numbers on [low, high).
template <class T>
void fill_uniform(std::uint64_t seed, std::uint64_t stream, double low, double high, std::size_t n, T* out);

/// out (n) = normal random numbers (Box and Muller) with this mean and standard deviation.
template <class T>
void fill_normal(std::uint64_t seed, std::uint64_t stream, double mean, double deviation, std::size_t n, T* out);

/// A random order of 0 ... n - 1 (Fisher and Yates).
std::vector<std::size_t> permutation(std::uint64_t seed, std::uint64_t stream, std::size_t n);

}  // namespace xtangent::kernels
