// Lines of a training's metrics, from which a training that is resumed takes those that came before.
#include "nn/training/metrics_lines.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view text) {
  const std::string kept = nn::lines_before(text, 2, 30);
  fuzz::require(kept.size() <= text.size() && (kept.empty() || kept.back() == '\n'));
  fuzz::require(nn::lines_before(kept, 2, 30) == kept);
}
XTANGENT_FUZZ(read)
