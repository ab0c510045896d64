#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace xtangent::examples {

/// The columns of a table of measurements: texts that say what was measured with which settings, then numbers.
struct MeasurementColumns {
  std::vector<std::string> keys, values;
};

/// One line of the table, in the order of its columns.
struct Measurement {
  std::vector<std::string> keys;
  std::vector<double> values;
};

/// Measurements in a CSV file that grows. The file is whole at any time, whatever ends the program, so that a later run
/// goes on from it.
class Measurements {
 public:
  /// Reads the file, if it is there. Throws data_error for a file that is not such a table, or has other columns.
  Measurements(std::filesystem::path file, MeasurementColumns columns);

  const std::vector<Measurement>& rows() const { return rows_; }
  /// The number of rows whose keys begin with these.
  std::size_t count(const std::vector<std::string>& keys) const;
  /// Puts rows in the place of those whose keys begin with `keys`, at the end, and writes the file. Throws shape_error
  /// for rows that do not fit the columns or do not begin with the keys, data_error where the file cannot be written.
  void put(const std::vector<std::string>& keys, const std::vector<Measurement>& rows);

  /// An entry of a row. Throws shape_error for a column that the table has not.
  const std::string& key(const Measurement& row, std::string_view column) const;
  double value(const Measurement& row, std::string_view column) const;

 private:
  void read();

  std::filesystem::path file_;
  MeasurementColumns columns_;
  std::vector<Measurement> rows_;
};

}  // namespace xtangent::examples
