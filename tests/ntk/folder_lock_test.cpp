// The lock of a folder, on file systems with locks and without.
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <string>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/kernel.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// What flock() fails with, as on a file system without locks, and how many times; 0: it works.
int error_of_locks = 0, failures = 0;

// Lets flock() fail while f runs.
template <class F>
std::string said_with(int error, int times, const F& f) {
  error_of_locks = error;
  failures = times;
  const std::string said = message_of<data_error>(f);
  error_of_locks = 0;
  return said;
}

}  // namespace

// Stands before that of the C library for this program and the libraries that it loads.
extern "C" int flock(int file, int operation) noexcept {
  if (error_of_locks == 0 || failures-- <= 0) return static_cast<int>(::syscall(SYS_flock, file, operation));
  errno = error_of_locks;
  return -1;
}

BOOST_AUTO_TEST_SUITE(folder_lock)

BOOST_AUTO_TEST_CASE(keeps_out_those_who_do_not_share) {
  const TemporaryFolder folder;
  const auto lock = [&](bool share) { return message_of<data_error>([&] { ntk::FolderLock(folder.path(), share); }); };
  {
    const ntk::FolderLock shared(folder.path(), true);
    BOOST_TEST(lock(true) == "no error");
    BOOST_TEST(has(lock(false), "another process is computing in this store. Wait"));
  }
  const ntk::FolderLock alone(folder.path());
  BOOST_TEST(has(lock(true), "does not share it"));
  BOOST_TEST(has(lock(false), "another process is computing in this store. Wait"));
}

BOOST_AUTO_TEST_CASE(without_locks) {
  const auto net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  const auto params = net.init<float>(2);
  Random random{"folder lock"};
  const Array<float> x = cast<float>(random_array(random, {23, 6}));
  for (const int error : {ENOLCK, EOPNOTSUPP}) {
    const TemporaryFolder folder;
    BOOST_TEST(said_with(error, 100, [&] {
                 ntk::stored_kernel(net, params, x, ntk::readout::pseudo(), {.tile = 4, .store = folder.path()});
               }) == "no error");
    BOOST_TEST(ntk::StoredKernel(folder.path()).complete());
  }
}

BOOST_AUTO_TEST_CASE(other_errors) {
  const TemporaryFolder folder;
  // An interrupted call is made again, and finds the lock that another has.
  const ntk::FolderLock alone(folder.path());
  BOOST_TEST(has(said_with(EINTR, 2, [&] { ntk::FolderLock(folder.path()); }), "another process is computing"));
  BOOST_TEST(has(said_with(EIO, 1, [&] { ntk::FolderLock(folder.path()); }), "cannot be locked: "));
}

BOOST_AUTO_TEST_SUITE_END()
