#pragma once

#include <string>

namespace xtangent {

/// Starts the program of this process again, as it was started, with `name`=`value` in its environment. `argv` is that
/// of main, which must not have changed. Returns only where this cannot be, with the reason, and then leaves the
/// environment as it was: in a program that has other rights than its user has, such as a set-uid one, without /proc,
/// and where /proc tells of other arguments than these.
std::string restart_with(const char* name, const std::string& value, char** argv);

}  // namespace xtangent
