#include "nn/data/digits.hpp"

#include <charconv>
#include <cmath>
#include <string_view>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t side = 8, fields = side * side + 1, classes = 10;
constexpr unsigned full = 16;
constexpr std::size_t most_bytes = std::size_t(64) << 20;  // a limit for files, a hundred times the largest one

// The position of the parser, for messages.
struct Place {
  const fs::path& file;
  std::size_t row = 1, byte = 0;

  [[noreturn]] void fail(const std::string& what) const {
    throw data_error("[load_digits] " + file.string() + ": row " + std::to_string(row) + ", byte " +
                     std::to_string(byte) + ": " + what);
  }
};

unsigned parse_field(std::string_view text, std::size_t column, const Place& place) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const unsigned limit = column + 1 == fields ? classes - 1 : full;
  if (code != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= limit) ||
      value != std::floor(value))
    place.fail("field " + std::to_string(column + 1) + " is \"" + std::string(text.substr(0, 20)) +
               "\", not a whole number from 0 to " + std::to_string(limit) + ".");
  return static_cast<unsigned>(value);
}

void parse_row(std::string_view row, Place place, LabeledImages& out) {
  for (std::size_t column = 0; column < fields; ++column) {
    const std::size_t comma = row.find(',');
    const bool last = column + 1 == fields;
    if (last != (comma == std::string_view::npos))
      place.fail(last ? "more than 65 fields." : std::to_string(column + 1) + " fields instead of 65.");
    const unsigned value = parse_field(row.substr(0, comma), column, place);
    if (last)
      out.labels.push_back(value);
    else
      out.bytes.push_back(static_cast<std::uint8_t>(value));
    if (!last) row.remove_prefix(comma + 1);
    place.byte += comma + 1;
  }
}

}  // namespace

LabeledImages load_digits(const fs::path& file) {
  const std::vector<std::uint8_t> contents = read_file(file, most_bytes);
  const std::string_view text(reinterpret_cast<const char*>(contents.data()), contents.size());
  LabeledImages out;
  out.channels = 1;
  out.height = out.width = side;
  out.classes = classes;
  out.full = full;
  out.name = "UCI handwritten digits";
  out.source =
      "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998";
  out.license = "CC BY 4.0";
  Place place{file};
  while (place.byte < text.size()) {
    const std::size_t end = std::min(text.find('\n', place.byte), text.size());
    std::string_view row = text.substr(place.byte, end - place.byte);
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    if (!row.empty())
      parse_row(row, place, out);
    else if (end + 1 < text.size())
      place.fail("an empty row.");
    place.byte = end + 1;
    ++place.row;
  }
  if (out.labels.empty()) place.fail("no rows.");
  return out;
}

TrainAndTest load_digits_folder(const fs::path& folder) {
  const auto part = [&](const std::string& name) { return load_digits(find_file(folder, {name})); };
  return {part("optdigits.tra"), part("optdigits.tes")};
}

}  // namespace xtangent::nn
