#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/listed.hpp"

namespace xtangent::ntk {

/// The one of `all` whose name() is `text`. Throws option_error, "[who] no kind 'text'. There are ...".
template <class Enum>
Enum parse_name(std::string_view text, std::initializer_list<Enum> all, const char* who, const char* kind) {
  std::vector<std::string_view> names;
  for (const Enum one : all) {
    if (text == name(one)) return one;
    names.push_back(name(one));
  }
  std::string message = std::string("[").append(who).append("] no ").append(kind).append(" '").append(text);
  throw option_error(message.append("'. There are ").append(listed(names)).append("."));
}

}  // namespace xtangent::ntk
