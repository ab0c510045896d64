#include "autodiff/kernels/convert.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "elements are read and written as they lie in memory");

namespace xtangent::kernels {
namespace {

// Half precision: 1 sign bit, 5 exponent bits, 10 fraction bits.
struct Half {
  std::uint16_t bits;
  static constexpr int fraction = 10, smallest = -14;
};
// bfloat16: the upper half of a float.
struct BFloat {
  std::uint16_t bits;
  static constexpr int fraction = 7, smallest = -126;
};

float value(Half h) {
  const std::uint32_t sign = std::uint32_t(h.bits >> 15) << 31, exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
  if (exponent == 0) return std::copysign(static_cast<float>(fraction) * 0x1p-24f, sign ? -1.0f : 1.0f);
  return std::bit_cast<float>(sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13);
}
float value(BFloat b) { return std::bit_cast<float>(std::uint32_t(b.bits) << 16); }
template <class E>
requires std::is_arithmetic_v<E> E value(E element) { return element; }

// Rounds once, from the exact value. By way of float, a double would be rounded twice.
template <class E>
E narrowed(double x) {
  constexpr int width = 15 - E::fraction;  // bits of the exponent
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 1u << 15 : 0u);
  const auto infinite = static_cast<std::uint16_t>(((1u << width) - 1) << E::fraction);
  if (std::isnan(x)) return {static_cast<std::uint16_t>(sign | infinite | 1u << (E::fraction - 1))};
  const double size = std::abs(x);
  if (std::isinf(x)) return {static_cast<std::uint16_t>(sign | infinite)};
  const int exponent = size == 0 ? E::smallest : std::max(std::ilogb(size), E::smallest);
  // The fraction counted in units of its last place. A carry into the next exponent gives the right bits, too.
  const double steps = std::nearbyint(std::ldexp(size, E::fraction - exponent));
  const double bits = steps + std::ldexp(exponent - E::smallest, E::fraction);
  return {static_cast<std::uint16_t>(sign | (bits < infinite ? static_cast<std::uint16_t>(bits) : infinite))};
}
template <class E, class T>
E encoded(T x) {
  if constexpr (std::is_arithmetic_v<E>)
    return static_cast<E>(x);
  else
    return narrowed<E>(static_cast<double>(x));
}

// Whether E can hold x. Floating types may round.
template <class E, class T>
bool fits(T x) {
  if constexpr (std::is_integral_v<E>) {
    // The powers of two at the ends of the range are exact in any T; the largest value of E need not be.
    const T end = std::ldexp(T(1), std::numeric_limits<E>::digits), begin = std::is_signed_v<E> ? -end : T(0);
    return x >= begin && x < end && x == std::trunc(x);
  } else {
    return !std::isfinite(x) || std::isfinite(value(encoded<E>(x)));
  }
}

// Calls f with an element of the C++ type that stands for `type`.
template <class F>
std::size_t with_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
      return f(std::uint8_t{});
    case ElementType::i8:
      return f(std::int8_t{});
    case ElementType::u16:
      return f(std::uint16_t{});
    case ElementType::i16:
      return f(std::int16_t{});
    case ElementType::u32:
      return f(std::uint32_t{});
    case ElementType::i32:
      return f(std::int32_t{});
    case ElementType::u64:
      return f(std::uint64_t{});
    case ElementType::i64:
      return f(std::int64_t{});
    case ElementType::f16:
      return f(Half{});
    case ElementType::bf16:
      return f(BFloat{});
    case ElementType::f32:
      return f(float{});
    case ElementType::f64:
      break;
  }
  return f(double{});
}

template <class E>
E element(const std::uint8_t* from, std::size_t index) {
  E out;
  std::memcpy(&out, from + index * sizeof(E), sizeof(E));
  return out;
}

// Whether T can hold the value. Floating values may round.
template <class T, class E>
bool holds(E v) {
  if constexpr (std::is_floating_point_v<E>) {
    return !std::isfinite(v) || std::isfinite(static_cast<T>(v));
  } else if constexpr (sizeof(E) < 4) {
    return true;
  } else {
    constexpr auto bound = std::int64_t{1} << std::numeric_limits<T>::digits;
    if constexpr (std::is_signed_v<E>)
      return v <= bound && v >= -bound;
    else
      return v <= static_cast<std::uint64_t>(bound);
  }
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  return with_type(type, [](auto e) { return sizeof e; });
}

bool is_floating(ElementType type) { return type >= ElementType::f16; }

template <class T>
std::size_t decode(ElementType type, const std::uint8_t* from, std::size_t count, T* out) {
  return with_type(type, [&](auto e) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto v = value(element<decltype(e)>(from, i));
      if (!holds<T>(v)) return i;
      out[i] = static_cast<T>(v);
    }
    return count;
  });
}

std::size_t decode_integers(ElementType type, const std::uint8_t* from, std::size_t count, std::int64_t* out) {
  return with_type(type, [&](auto e) -> std::size_t {
    using E = decltype(e);
    if constexpr (!std::is_integral_v<E>) {
      return 0;
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        out[i] = static_cast<std::int64_t>(element<E>(from, i));
        if (std::is_unsigned_v<E> && out[i] < 0) return i;
      }
      return count;
    }
  });
}

template <class T>
std::size_t encode(ElementType type, const T* from, std::size_t count, std::uint8_t* out) {
  return with_type(type, [&](auto e) {
    using E = decltype(e);
    for (std::size_t i = 0; i < count; ++i) {
      if (!fits<E>(from[i])) return i;
      const E v = encoded<E>(from[i]);
      std::memcpy(out + i * sizeof(E), &v, sizeof(E));
    }
    return count;
  });
}

#define XTANGENT_INSTANTIATE(T)                                                   \
  template std::size_t decode(ElementType, const std::uint8_t*, std::size_t, T*); \
  template std::size_t encode(ElementType, const T*, std::size_t, std::uint8_t*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
