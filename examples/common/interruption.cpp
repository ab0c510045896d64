#include "examples/common/interruption.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <string_view>

namespace xtangent::examples {
namespace {

std::atomic<const std::string*> text = nullptr;
std::atomic<int> patient = 0, noted = 0;
static_assert(std::atomic<const std::string*>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a handler of signals must not wait");

void say(std::string_view words) {
  while (!words.empty()) {
    const ssize_t put = ::write(STDERR_FILENO, words.data(), words.size());
    if (put <= 0) return;
    words.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Calls only what a handler may call: no destructor runs, and no buffer is flushed.
void handle(int number) {
  if (patient > 0 && noted == 0) {
    noted = number;
    return;
  }
  say(noted == 0 ? std::string_view(*text) : "\nInterrupted twice: ended at once.\n");
  ::_exit(128 + number);
}

}  // namespace

bool first_of_mpirun() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return !rank || std::string_view(rank) == "0";
}

void answer_interruptions(const std::string& says) {
  // All of them, since a handler may be reading an earlier one. Never destroyed, since a signal may come while the
  // program ends.
  static auto& texts = *new std::deque<std::string>();
  text = &texts.emplace_back(first_of_mpirun() ? "\nInterrupted: " + says + "\n" : std::string());
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Patience::Patience() { ++patient; }
Patience::~Patience() { --patient; }

bool interrupted() { return noted != 0; }

void end_if_interrupted() {
  if (interrupted()) throw Interrupted();
}

int answer_interruption() {
  say(*text);
  return 128 + noted;
}

}  // namespace xtangent::examples
