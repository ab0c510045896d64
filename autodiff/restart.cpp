#include "autodiff/restart.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace xtangent {
namespace {

// All arguments of this process, as the system got them. They are more than main's where the program was started
// through the dynamic loader, ld-linux-x86-64.so.2 --library-path DIR ./program ARGUMENT...: then /proc/self/exe is the
// loader, which would take the first of main's arguments for the program to load.
std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> out;
  for (std::string argument; std::getline(file, argument, '\0');) out.push_back(argument);
  return out;
}

bool ends_with_arguments(const std::vector<std::string>& line, char** argv) {
  std::vector<std::string> arguments;
  for (char** next = argv && *argv ? argv + 1 : nullptr; next && *next; ++next) arguments.emplace_back(*next);
  return line.size() > arguments.size() && std::equal(arguments.rbegin(), arguments.rend(), line.rbegin());
}

}  // namespace

std::string restart_with(const char* name, const std::string& value, char** argv) {
  if (::getauxval(AT_SECURE) != 0) return "this program has other rights than its user";
  std::vector<std::string> line = command_line();
  if (line.empty()) return "there is no /proc";
  if (!ends_with_arguments(line, argv)) return "it was started with other arguments than main has";
  std::vector<char*> arguments;
  for (std::string& argument : line) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const char* const before = std::getenv(name);
  const std::string kept = before ? before : "";
  ::setenv(name, value.c_str(), 1);
  ::execv("/proc/self/exe", arguments.data());
  const int failure = errno;
  if (before)
    ::setenv(name, kept.c_str(), 1);
  else
    ::unsetenv(name);
  return std::strerror(failure);
}

}  // namespace xtangent
