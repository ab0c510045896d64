#pragma once

#include <string_view>

/// Contraction rules by their names: what those need to know of rules who choose one or print a plan.
namespace xtangent::ntk {

struct Rule;
const char* name(const Rule& rule);
/// Finds a contraction rule by its name, for Options::rule. Throws option_error, which lists the names.
const Rule& rule_named(std::string_view name);

}  // namespace xtangent::ntk
