#pragma once

#include <chrono>
#include <cstdio>
#include <string>

namespace xtangent::examples {

/// Progress of a program in steps of known weight: fraction of the whole, rate of the running step, time left.
/// A bar that is redrawn where the stream is a terminal; elsewhere one plain line at the end of each step.
class Progress {
 public:
  /// `total` is the sum of the weights of all steps to come.
  explicit Progress(double total, std::FILE* out = stdout);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins a step of `items` things, called `unit` in the rate ("images"). The step before it counts as finished.
  void step(std::string what, double weight, double items, std::string unit);
  /// Items of the running step that are done.
  void update(double items_done);
  /// Finishes the running step and the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void end_step();
  std::string status(double done) const;
  void draw(bool always);

  std::FILE* out_;
  bool terminal_, running_ = false, drawn_ = false;
  double total_, before_ = 0, weight_ = 0, items_ = 0, done_ = 0;
  std::string what_, unit_;
  Clock::time_point begin_, step_begin_, last_draw_;
};

}  // namespace xtangent::examples
