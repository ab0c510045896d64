// Checkpoints of a training, as they are and with a checksum that fits them.
#include "nn/training/checkpoint.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "nn/training/checkpoint_format.hpp"
#include "tests/fuzz/training.hpp"

using namespace xtangent;

namespace {

// The file with the checksum of what it says, or nothing where that cannot be told.
std::string summed(std::string_view bytes) {
  const auto file = fuzz::accepted([&] { return nn::TensorFile({bytes.begin(), bytes.end()}, "file"); });
  if (!file || !file->metadata().contains(nn::checkpoint_format::state_key)) return {};
  const auto sum = fuzz::accepted(
      [&] { return nn::checkpoint_format::checksum(file->metadata().at(nn::checkpoint_format::state_key), *file); });
  if (!sum) return {};  // an element that is out of range
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  auto header = nlohmann::ordered_json::parse(bytes.substr(sizeof length, length));
  header["__metadata__"][nn::checkpoint_format::sum_key] = *sum;
  const std::string text = header.dump();
  const std::uint64_t changed = text.size();
  std::string out(sizeof changed, '\0');
  std::memcpy(out.data(), &changed, sizeof changed);
  return out + text + std::string(bytes.substr(sizeof length + length));
}

void load(std::string_view bytes) {
  static fuzz::MemoryFile file;
  static const auto params = fuzz::network().init<float>(1);
  const auto state =
      fuzz::accepted([&] { return nn::load_checkpoint<float>(file.with(bytes), params, fuzz::settings); });
  if (!state) return;
  fuzz::require(state->epoch == state->history.size() + 1 && state->correct <= state->done);
  for (const auto* moments : {&state->optimizer.first, &state->optimizer.second})
    fuzz::require(!moments->defined() || moments->shape() == state->params.flat().shape());
}

void read(std::string_view bytes) {
  load(bytes);
  if (const std::string file = summed(bytes); !file.empty()) load(file);
}

}  // namespace
XTANGENT_FUZZ(read)
