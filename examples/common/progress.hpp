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

  /// Steps of this weight were done before the program started.
  void skip(double weight) {
    before_ += weight;
    earlier_ += weight;
  }
  /// Begins a step of `items` things, called `unit` in the rate ("images"), of which some may have been done before the
  /// program started. The step before it counts as finished.
  void step(std::string what, double weight, double items, std::string unit, double items_done = 0);
  /// The same for a step that goes on from what a folder holds: its first update says what was done before the program
  /// started.
  void resume(std::string what, double weight, double items, std::string unit);
  /// Text that the bar shows after the running step, such as "loss 0.123", until the next step.
  void note(std::string text);
  /// Items of the running step that are done.
  void update(double items_done);
  /// Finishes the running step and the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void end_step();
  void begin_after(double items_done);
  std::string status(double done) const;
  double part(double done) const;
  void draw(bool always);

  std::FILE* out_;
  bool terminal_, running_ = false, resumed_ = false, drawn_ = false, due_ = false;
  double total_, before_ = 0, weight_ = 0, items_ = 0, done_ = 0;
  double earlier_ = 0, step_earlier_ = 0;  // of the whole and items of the step, done before the program started
  std::string what_, unit_, note_;
  Clock::time_point begin_, step_begin_, last_draw_;
};

}  // namespace xtangent::examples
