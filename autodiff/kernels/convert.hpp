#pragma once

#include <cstddef>
#include <cstdint>

#include "autodiff/kernels/element_type.hpp"

/// Converts between elements as files hold them, little-endian and at any address, and T = float or double.
namespace xtangent::kernels {

std::size_t bytes_of(ElementType type);
bool is_floating(ElementType type);

/// out = from. Returns the index of the first element that T cannot hold (a finite one that would become infinite, a
/// whole number above 2^24 for float or 2^53 for double), or count if there is none.
template <class T>
std::size_t decode(ElementType type, const std::uint8_t* from, std::size_t count, T* out);
/// out = from for boolean and whole types; returns 0 for others. Returns the index of the first element above the
/// largest int64, or count if there is none.
std::size_t decode_integers(ElementType type, const std::uint8_t* from, std::size_t count, std::int64_t* out);

/// out = from, rounded to nearest, ties to even, for floating types. Returns the index of the first element that the
/// type cannot hold (a finite one that would become infinite; for whole types, one that is not whole or not in their
/// range), or count if there is none.
template <class T>
std::size_t encode(ElementType type, const T* from, std::size_t count, std::uint8_t* out);

}  // namespace xtangent::kernels
