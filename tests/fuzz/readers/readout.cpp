// Names of readouts. What is accepted has a name that is read as the same readout.
#include "ntk/readout.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view text) {
  const auto readout = fuzz::accepted([&] { return ntk::readout::parse(text); });
  if (!readout) return;
  const ntk::Readout again = ntk::readout::parse(readout->name());
  fuzz::require(again.name() == readout->name() && again.kind == readout->kind && again.output == readout->output &&
                again.seed == readout->seed && again.count == readout->count && again.reduction == readout->reduction);
}
XTANGENT_FUZZ(read)
