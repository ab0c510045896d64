#pragma once

#include <string>
#include <vector>

#include "examples/common/progress.hpp"
#include "examples/kernel/settings.hpp"
#include "nn/data/images.hpp"
#include "nn/module.hpp"
#include "ntk/kernel.hpp"
#include "ntk/per_example.hpp"

/// What the settings ask for, as a network, images and options of the library.
namespace xtangent::examples {

/// The network at its parameters, and the images as numbers.
template <class T>
struct Work {
  nn::AnyModule net;
  nn::Parameters<T> params;
  Array<T> train, test;
  ntk::Labels train_labels, test_labels;
};

/// Prints what network it is. Throws option_error (more images than there are) and what loading weights throws.
template <class T>
Work<T> prepare(const Settings& settings, const nn::TrainAndTest& images);

/// The readout named in the settings, which may need the labels of the images. `test` asks for that between test and
/// training images.
template <class T>
ntk::Readout readout_of(const Settings& settings, const Work<T>& work, bool test);

/// Memory, parameters and metric of the settings. Throws what reading the metric's file throws.
template <class T>
ntk::Options options_of(const Settings& settings, const Work<T>& work);

/// The progress bar, with a step for each kernel. Its unit is floating-point operations.
class Bar {
 public:
  explicit Bar(double flop) : bar_(flop / 1e9) {}
  void begin(const std::string& what, double flop);
  void operator()(const ntk::Progress& p);
  void finish() { bar_.finish(); }

 private:
  Progress bar_;
  std::string what_;
  double gflop_ = 0;
  bool begun_ = false;
};

/// Prints the time that was taken and the peak of the process.
void print_costs(double seconds_taken);

}  // namespace xtangent::examples
