#pragma once

#include <cstdint>

namespace xtangent::kernels {

/// Types of elements in files.
enum class ElementType : std::uint8_t { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

}  // namespace xtangent::kernels
