// Python's pickles of arrays, data.pkl in the archives that torch.save writes.
#include "nn/exported/pickle.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;
using nn::exported::Pickled;

// Reads a value, and values within it to a depth, since one may contain itself.
static void read_value(const Pickled& value, int depth) {
  fuzz::accepted([&] { return value.integer(); });
  fuzz::accepted([&] { return value.text().size(); });
  if (depth == 0) return;
  if (const auto* list = std::get_if<nn::exported::PickledList*>(&value.what))
    for (const Pickled& item : **list) read_value(item, depth - 1);
  if (const auto* call = std::get_if<nn::exported::PickledCall*>(&value.what))
    for (const auto& [key, item] : (*call)->items) read_value(item, depth - 1);
}

static void read(std::string_view bytes) {
  fuzz::accepted([&] {
    const nn::exported::Pickle pickle({bytes.begin(), bytes.end()});
    read_value(pickle.value(), 2);
    return true;
  });
}
XTANGENT_FUZZ(read)
