#pragma once

#include <filesystem>
#include <limits>

#include "nn/training/epoch.hpp"

/// A training in lines of JSON.
namespace xtangent::nn {

struct MetricsOptions {
  std::filesystem::path file = {};  ///< none: no metrics
  std::size_t steps = 100;          ///< a line after so many updates; 0: only after each epoch
};

/// What one update saw.
struct StepMetrics {
  std::size_t epoch = 0, step = 0;  ///< from 1
  double loss = 0.0;                ///< of its batch, before the update
  double accuracy = std::numeric_limits<double>::quiet_NaN();
  double rate = 0.0;
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< before clipping; NaN where nothing is clipped
};

/// A file of JSON lines, one object each; null stands for NaN:
///
///   {"kind":"step","epoch":1,"step":100,"loss":0.41,"accuracy":0.875,"rate":0.002,"gradient_norm":null}
///   {"kind":"epoch","epoch":1,"step":938,"loss":0.24,"accuracy":0.93,"test_loss":0.1,"test_accuracy":0.97,
///    "seconds":2.5}   (in one line)
///
/// A line reaches the file whole, by one write; after a crash the file therefore ends with a whole line, or with a cut
/// one that the next training on it removes.
class MetricsFile {
 public:
  /// Lines of no file: nothing happens.
  MetricsFile() = default;
  /// Begins a file anew, or goes on behind a state: of a training in epoch `epoch` after `step` updates, whose later
  /// lines and cut ones are removed. Throws data_error with the system's reason.
  explicit MetricsFile(std::filesystem::path file);
  MetricsFile(std::filesystem::path file, std::size_t epoch, std::size_t step);
  ~MetricsFile();
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&& other) noexcept;

  /// Throw data_error with the system's reason.
  void write(const StepMetrics& metrics);
  void write(const Epoch& epoch, std::size_t step);

 private:
  void open();
  void write_line(std::string line);

  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace xtangent::nn
