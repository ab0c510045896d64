#pragma once

#include <cstddef>
#include <cstdint>

/// Sparse sign projections: each element of a long vector is added, with a sign, to one of `count` sums. Where it goes
/// is a function of (seed, stream, its number, the number of elements) alone, so a projection is stored nowhere. The
/// inner product of two projected vectors is that of the vectors in expectation over the seed (Charikar, Chen and
/// Farach-Colton, "Finding Frequent Items in Data Streams", 2002; Weinberger et al., "Feature Hashing for Large Scale
/// Multitask Learning", ICML 2009).
namespace xtangent::kernels {

/// out (last - first) = the places of elements [first, last) of a stream of `elements`: the sum in the lower 31 bits,
/// and a highest bit that says whether the element is subtracted. `count` is from 1 to 2^31. Of all pairs of elements,
/// 1 in `count` has the same place, in expectation. One hash of 32 bits for each element.
void sign_places(std::uint64_t seed, std::uint64_t stream, std::size_t elements, std::size_t first, std::size_t last,
                 std::size_t count, std::uint32_t* out);

/// sums[place] += or -= x for the n elements of x, one after the other.
template <class T>
void add_signed(std::size_t n, const std::uint32_t* places, const T* x, T* sums);

}  // namespace xtangent::kernels
