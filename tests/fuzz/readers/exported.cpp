// Graphs of exported programs, models/model.json in their archives.
#include "nn/exported/graph.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  const auto program = fuzz::accepted([&] { return nn::exported::parse_program(std::string(bytes), "fuzz"); });
  if (!program) return;
  const std::size_t values = program->graph.names.size();
  fuzz::require(program->graph.views.size() == values);
  for (const nn::exported::Input& input : program->inputs) fuzz::require(input.value < values);
  for (const nn::exported::Output& output : program->outputs) fuzz::require(output.value < values);
  for (const nn::exported::Node& node : program->graph.nodes)
    for (std::size_t value : node.last_used) fuzz::require(value < values);
}
XTANGENT_FUZZ(read)
