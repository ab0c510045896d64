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

/// The network at its parameters, and the examples as numbers.
template <class T>
struct Work {
  nn::AnyModule net;
  nn::Parameters<T> params;
  Array<T> train, test;
  ntk::Labels train_labels, test_labels;
  std::string noun = "images";  ///< what the examples are called

  std::size_t tests() const { return test.defined() ? test.shape()[0] : 0; }
};

/// Prints what network it is. Throws option_error (more images than there are) and what loading weights throws.
template <class T>
Work<T> prepare(const Settings& settings, const nn::TrainAndTest& images);

/// The same for examples from files, settings.files. Several inputs stand side by side, as nn::join_inputs puts them.
/// Throws also what reading throws, and shape_error for shapes that do not fit one another or the network.
template <class T>
Work<T> prepare_inputs(const Settings& settings);

/// Gives the network its weights, if there is a file of them, and prints what it is.
template <class T>
void load_and_show(Work<T>& work, const Settings& settings, double width, const std::string& examples);

/// The readout named in the settings, which may need the labels of the examples. `test` asks for that between test and
/// training examples. Throws option_error where it needs labels and there are none.
template <class T>
ntk::Readout readout_of(const Settings& settings, const Work<T>& work, bool test);

/// Memory, parameters and metric of the settings. Throws what reading the metric's file throws.
template <class T>
ntk::Options options_of(const Settings& settings, const Work<T>& work);

/// The images that the settings name, for a network that takes images. Throws option_error for another network, and
/// what reading throws.
nn::TrainAndTest images_of(const Settings& settings);

/// Calls f with the work of the settings, in float or double. What cannot be is refused before anything is read.
template <class F>
void with_work(const Settings& settings, const F& f) {
  ntk::readout::parse(settings.readout, {});
  if (settings.files.given()) {
    settings.in_double ? f(prepare_inputs<double>(settings)) : f(prepare_inputs<float>(settings));
    return;
  }
  const nn::TrainAndTest images = images_of(settings);
  settings.in_double ? f(prepare<double>(settings, images)) : f(prepare<float>(settings, images));
}

/// The progress bar, with a step for each kernel. Its unit is floating-point operations.
class Bar {
 public:
  explicit Bar(double flop) : bar_(flop / 1e9) {}
  void begin(const std::string& what, double flop);
  void operator()(const ntk::Progress& p);
  void finish() { bar_.finish(); }

 private:
  Progress bar_;
  double gflop_ = 0;
};

/// Prints the time that was taken and the peak of the process.
void print_costs(double seconds_taken);

}  // namespace xtangent::examples
