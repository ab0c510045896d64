#pragma once

#include <filesystem>
#include <limits>
#include <string_view>

#include "nn/training/epoch.hpp"

/// The metrics of a training as lines of JSON.
namespace xtangent::nn {

struct MetricsOptions {
  std::filesystem::path file = {};  ///< none: no metrics
  std::size_t steps = 100;          ///< updates between lines; 0: a line only after each epoch
};

/// The metrics of one update.
struct StepMetrics {
  std::size_t epoch = 0, step = 0;  ///< counted from 1
  double loss = 0.0;                ///< mean over its batch, before the update
  double accuracy = std::numeric_limits<double>::quiet_NaN();
  double rate = 0.0;
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< norm before clipping; NaN without clipping
};

/// A file of JSON lines with one object each, in which null stands for NaN:
///
///   {"kind":"step","epoch":1,"step":100,"loss":0.41,"accuracy":0.875,"rate":0.002,"gradient_norm":null}
///   {"kind":"epoch","epoch":1,"step":938,"loss":0.24,"accuracy":0.93,"test_loss":0.1,"test_accuracy":0.97,
///    "seconds":2.5}   (in one line)
///
/// Each line is written by one call. After a crash the last line may be cut off; the next training that goes on with
/// the file removes it. A device or a FIFO gets the lines as they come.
class MetricsFile {
 public:
  /// Without a file; writing does nothing.
  MetricsFile() = default;
  /// The first begins a file anew. The second goes on with the file of a training that is in epoch `epoch` after `step`
  /// updates: it removes later lines and those that are cut off. Throws data_error with the system's reason.
  explicit MetricsFile(std::filesystem::path file);
  MetricsFile(std::filesystem::path file, std::size_t epoch, std::size_t step);
  ~MetricsFile();
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&& other) noexcept;

  /// Both throw data_error with the system's reason.
  void write(const StepMetrics& metrics);
  void write(const Epoch& epoch, std::size_t step);

 private:
  void begin_with(std::string_view kept);
  void write_line(std::string line);

  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace xtangent::nn
