#pragma once

#include <string>

#include "ntk/plan.hpp"

namespace xtangent::ntk {

/// Bytes that a plan's computation holds at most besides its result, by arithmetic on its shapes.
double working_bytes(const Plan& plan, const Profile& trace);

/// "1.25 GiB"
std::string readable_bytes(double bytes);
/// "3.20 GFLOP"
std::string readable_number(double value, const char* unit);

}  // namespace xtangent::ntk
