// Names of readouts. What is accepted has a name that is read as the same readout.
#include "ntk/readout.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::expect_answer([&] {
    const std::string name = ntk::readout::parse({reinterpret_cast<const char*>(data), size}).name();
    if (ntk::readout::parse(name).name() != name) std::abort();
  });
  return 0;
}
