// NumPy arrays.
#include "nn/data/npy.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  static fuzz::MemoryFile file;
  const auto& path = file.with(bytes);
  const auto singles = fuzz::accepted([&] { return nn::read_npy<float>(path); });
  const auto doubles = fuzz::accepted([&] { return nn::read_npy<double>(path); });
  const auto whole = fuzz::accepted([&] { return nn::read_npy_int64(path); });
  fuzz::require(singles.has_value() + doubles.has_value() + whole.has_value() <= 1);
  if (whole) fuzz::require(whole->values.size() == whole->shape.size());
  const auto any = fuzz::accepted([&] { return nn::NpyFile({bytes.begin(), bytes.end()}, "file"); });
  const auto file_of_any = fuzz::accepted([&] { return nn::read_npy_file(path); });
  if (singles || doubles || whole) fuzz::require(file_of_any.has_value());
  if (any) fuzz::require(file_of_any && file_of_any->shape() == any->shape() && file_of_any->type() == any->type());
  if (!any) return;
  const auto converted = fuzz::accepted([&] { return any->get<double>(); });
  if (doubles) fuzz::require(converted && converted->shape() == doubles->shape());
  fuzz::accepted([&] { return any->get<float>(); });
  fuzz::accepted([&] { return any->integers(); });
}
XTANGENT_FUZZ(read)
