#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "autodiff/error.hpp"

namespace xtangent::nn::exported {

/// A whole number that Integer can hold. The conversions of nlohmann-json take any number, and are undefined for those
/// out of range. Throws data_error.
template <class Integer>
Integer whole(const nlohmann::json& json) {
  if (json.is_number_unsigned()) {
    if (const auto value = json.get<std::uint64_t>(); std::in_range<Integer>(value)) return static_cast<Integer>(value);
  } else if (json.is_number_integer()) {
    if (const auto value = json.get<std::int64_t>(); std::in_range<Integer>(value)) return static_cast<Integer>(value);
  }
  throw data_error(json.is_number() ? "the number " + json.dump() + " is not whole or out of range"
                                    : std::string("a ") + json.type_name() + " stands in the place of a whole number");
}

}  // namespace xtangent::nn::exported
