#include "examples/common/measurements.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::examples {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> out(1);
  for (const char c : line)
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  return out;
}

// Nine digits are those of a float and a few more. NaN has no sign, so that equal tables are equal files.
std::string number(double value) {
  if (value != value) return "nan";
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

bool begins_with(const std::vector<std::string>& all, const std::vector<std::string>& first) {
  return first.size() <= all.size() && std::equal(first.begin(), first.end(), all.begin());
}

std::string head(const MeasurementColumns& columns) {
  std::string out;
  for (const auto* names : {&columns.keys, &columns.values})
    for (const std::string& name : *names) out.append(out.empty() ? "" : ",").append(name);
  return out;
}

std::size_t place(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw shape_error("[measurements] no column " + std::string(name) + ".");
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

Measurements::Measurements(std::filesystem::path file, MeasurementColumns columns)
    : file_(std::move(file)), columns_(std::move(columns)) {
  std::error_code code;
  if (std::filesystem::exists(file_, code)) read();
}

void Measurements::read() {
  std::ifstream in(file_);
  std::string line;
  const auto refuse = [&](const std::string& what) {
    throw data_error("[measurements] " + file_.string() + " " + what + ". Move it away, or choose another --out.");
  };
  if (!std::getline(in, line)) refuse("cannot be read, or is empty");
  if (line != head(columns_)) refuse("has other columns than this version writes");
  const std::size_t texts = columns_.keys.size(), all = texts + columns_.values.size();
  for (std::size_t at = 2; std::getline(in, line); ++at) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != all)
      refuse("has " + std::to_string(cells.size()) + " entries in line " + std::to_string(at) + " instead of " +
             std::to_string(all));
    Measurement row;
    row.keys.assign(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(texts));
    for (std::size_t i = texts; i < all; ++i) {
      char* end = nullptr;
      row.values.push_back(std::strtod(cells[i].c_str(), &end));
      if (cells[i].empty() || *end != '\0')
        refuse("has '" + cells[i] + "' in line " + std::to_string(at) + ", where a number belongs");
    }
    rows_.push_back(std::move(row));
  }
}

std::size_t Measurements::count(const std::vector<std::string>& keys) const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [&](const Measurement& row) { return begins_with(row.keys, keys); }));
}

void Measurements::put(const std::vector<std::string>& keys, const std::vector<Measurement>& rows) {
  for (const Measurement& row : rows)
    if (row.keys.size() != columns_.keys.size() || row.values.size() != columns_.values.size() ||
        !begins_with(row.keys, keys))
      throw shape_error("[measurements] a row of " + std::to_string(row.keys.size()) + " texts and " +
                        std::to_string(row.values.size()) + " numbers does not fit " + file_.string() + ".");
  std::erase_if(rows_, [&](const Measurement& row) { return begins_with(row.keys, keys); });
  rows_.insert(rows_.end(), rows.begin(), rows.end());
  std::string text = head(columns_) + "\n";
  for (const Measurement& row : rows_) {
    std::string line;
    for (const std::string& cell : row.keys) line.append(line.empty() ? "" : ",").append(cell);
    for (const double value : row.values) line.append(line.empty() ? "" : ",").append(number(value));
    text += line + "\n";
  }
  nn::write_file(file_, {text});
}

const std::string& Measurements::key(const Measurement& row, std::string_view column) const {
  return row.keys[place(columns_.keys, column)];
}

double Measurements::value(const Measurement& row, std::string_view column) const {
  return row.values[place(columns_.values, column)];
}

}  // namespace xtangent::examples
