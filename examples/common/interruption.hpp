#pragma once

#include <stdexcept>
#include <string>

/// Ctrl-C and SIGTERM: what a program leaves then, and what it says.
namespace xtangent::examples {

/// Whether this is the process of mpirun that speaks for all, or was not started by mpirun.
bool first_of_mpirun();

/// From now on, either signal ends the program at once, with exit status 130 or 143 and `says` on stderr: what is left,
/// and how to go on. A later call replaces the text.
void answer_interruptions(const std::string& says);

/// As long as one lives, the first signal is only noted, for work that leaves a file or a checkpoint and asks
/// interrupted(). A second one ends the program at once.
class Patience {
 public:
  Patience();
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
};

/// Whether a signal was noted. May be asked by any thread.
bool interrupted();

/// Thrown where a noted signal ends the work. run_program answers it.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};
/// Throws Interrupted if a signal was noted.
void end_if_interrupted();

/// Calls f with patience, and then ends the work if a signal was noted: for checks that make files and remove them.
template <class F>
void with_patience(const F& f) {
  {
    const Patience patience;
    f();
  }
  end_if_interrupted();
}

/// Says on stderr what answer_interruptions was given. Returns the exit status for the signal that was noted.
int answer_interruption();

}  // namespace xtangent::examples
