#pragma once

#include <cstddef>
#include <cstdint>

#include "autodiff/kernels/element_type.hpp"

/// Elements as files hold them, little-endian and at any address, to and from T = float or double.
namespace xtangent::kernels {

std::size_t bytes_of(ElementType type);
bool is_floating(ElementType type);

/// out = from. Returns the index of the first element that T does not hold (a finite one that would become infinite,
/// a whole number above 2^24 for float or 2^53 for double), or count.
template <class T>
std::size_t decode(ElementType type, const std::uint8_t* from, std::size_t count, T* out);
/// Of boolean and whole types (others: 0). Returns the index of the first element above the largest int64, or count.
std::size_t decode_integers(ElementType type, const std::uint8_t* from, std::size_t count, std::int64_t* out);

/// out = from: floating types rounded to nearest, ties to even. Returns the index of the first element that the type
/// does not hold (a finite one that would become infinite; for whole types, one that is not whole or not in their
/// range), or count.
template <class T>
std::size_t encode(ElementType type, const T* from, std::size_t count, std::uint8_t* out);

}  // namespace xtangent::kernels
