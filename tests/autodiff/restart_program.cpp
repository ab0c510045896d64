// A program that starts itself again once, and says how it went and with which arguments.
#include <cstdio>
#include <cstdlib>

#include "autodiff/restart.hpp"

int main(int argc, char** argv) {
  static char other[] = "other";
  if (argc > 1 && std::getenv("CHANGE_ARGUMENT")) argv[1] = other;
  if (std::getenv("RESTARTED"))
    std::puts("restarted");
  else
    std::printf("stays: %s\n", xtangent::restart_with("RESTARTED", "yes", argv).c_str());
  for (int i = 0; i < argc; ++i) std::printf("[%s]\n", argv[i]);
  return std::getenv("RESTARTED") ? 0 : 1;
}
