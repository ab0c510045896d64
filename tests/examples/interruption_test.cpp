// What a program says when a signal reaches it while it ends.
#include "examples/common/interruption.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

#include "tests/testing.hpp"

namespace {

using namespace xtangent;

struct Ended {
  int status;
  std::string errors;
};

// A process of its own, which is sent SIGTERM after all objects that its texts may be in have been destroyed.
Ended ended_late(const std::string& says) {
  std::array<int, 2> pipe{};
  BOOST_REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    std::atexit([] { ::raise(SIGTERM); });  // registered before such an object is made, and so called after its end
    examples::answer_interruptions(says);
    std::exit(0);
  }
  ::close(pipe[1]);
  Ended out{-1, {}};
  std::array<char, 256> part{};
  for (ssize_t count; (count = ::read(pipe[0], part.data(), part.size())) > 0;)
    out.errors.append(part.data(), static_cast<std::size_t>(count));
  ::close(pipe[0]);
  ::waitpid(child, &out.status, 0);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(interruption)

BOOST_AUTO_TEST_CASE(a_signal_while_the_program_ends_finds_the_text) {
  const std::string says = "what is left is long enough to lie outside of the object of its text.";
  const Ended found = ended_late(says);
  BOOST_TEST((WIFEXITED(found.status) && WEXITSTATUS(found.status) == 143));
  BOOST_TEST(found.errors == "\nInterrupted: " + says + "\n");
}

BOOST_AUTO_TEST_SUITE_END()
