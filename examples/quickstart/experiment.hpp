#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "examples/common/progress.hpp"
#include "nn/data/images.hpp"

/// The quickstart's experiment: networks of growing width on handwritten digits, their eNTK and pNTK before and after
/// training, and how close the two are.
namespace xtangent::examples {

struct Settings {
  std::filesystem::path data;    ///< folder of IDX files or of UCI's digits; empty: `digits`
  std::filesystem::path digits;  ///< scikit-learn's file; empty: as image_sets() finds it
  std::filesystem::path out = "results/quickstart";
  std::vector<std::size_t> widths = {64, 128, 256, 512, 1024};
  std::size_t n_train = 200;      ///< training images of the kernels
  std::size_t n_test = 400;       ///< test images of the kernels, at most
  std::size_t fit_images = 5000;  ///< training images of the networks, at most
  std::size_t epochs = 12, batch_size = 32;
  /// Rate of Adam for width 64 at the start; it falls as width^-1/2, and to 0 during the training.
  double learning_rate = 4e-3;
  std::uint64_t seed = 1;
  std::size_t threads = 0;   ///< 0: as many as the machine has
  bool all_kernels = false;  ///< write the kernels of every width, not of the widest networks alone
};

/// The small ridge of the second regressions, in units of the kernel's mean diagonal.
inline constexpr double regression_ridge = 1e-2;

/// What is compared of the eNTK and the pNTK of one network at one time.
struct Comparison {
  double relative_frobenius = 0;  ///< between the two kernels of the training images
  double lambda_max_entk = 0, lambda_max_pntk = 0, lambda_min_entk = 0, lambda_min_pntk = 0;
  double lambda_max_difference = 0;  ///< |pNTK - eNTK| / eNTK
  double condition_entk = 0, condition_pntk = 0;
  double accuracy_network = 0;                              ///< the network's own on the kernels' test images
  double accuracy_entk = 0, accuracy_pntk = 0;              ///< by regression without a ridge
  double accuracy_entk_ridge = 0, accuracy_pntk_ridge = 0;  ///< with regression_ridge
  double agreement = 0;              ///< share of test images to which both regressions give the same class
  double prediction_difference = 0;  ///< || f_pntk - f_entk ||_F / || f_entk ||_F on the test images
  double ridge = 0;        ///< that both regressions without one had to be given, in units of the mean diagonal
  double diagonality = 0;  ///< mean |diagonal entry| / mean |other entry| of the eNTK's blocks of an image with itself
  double seconds_entk = 0, seconds_pntk = 0;  ///< for the kernels between training images
  double bytes_entk = 0, bytes_pntk = 0;      ///< memory held for them at most
};

struct NetworkResult {
  std::string name;
  std::size_t width = 0, parameters = 0;
  double learning_rate = 0, test_accuracy = 0, seconds_training = 0;
  std::vector<double> losses;  ///< mean training loss, epoch by epoch
  Comparison init, trained;
};

/// A power law through (width, relative Frobenius difference): least squares on the logarithms.
struct Fit {
  std::string name;  ///< name of the kind of networks
  bool trained = false;
  double slope = 0, intercept = 0;
  double error = 0;          ///< standard error of the slope; NaN for fewer than three widths
  double low = 0, high = 0;  ///< 95 % confidence interval of the slope
};

/// Matrices of one network that the report shows.
struct Pictures {
  std::string name;
  std::size_t width = 0;
  Array<double> images;                   ///< one of each class, (classes, height, width), 0 to 1
  std::vector<std::size_t> classes;       ///< classes of these images
  Array<double> pair_init, pair_trained;  ///< eNTK between two images, (2 O, 2 O)
  std::size_t first_class = 0, second_class = 0;
  Array<double> trace_trained, pntk_trained;  ///< (N, N), images sorted by class: mean diagonal of eNTK's blocks; pNTK
  std::vector<std::size_t> sorted_labels;
};

struct Experiment {
  Settings settings;
  std::string data, source, license;
  std::size_t outputs = 0, fit_images = 0, test_images = 0, kernel_train = 0, kernel_test = 0;
  std::string command;  ///< as it was typed
  std::string version, processor, blas_core;
  std::vector<std::pair<std::string, std::string>> architectures;  ///< name of a kind of networks, its layers
  std::size_t threads = 0;
  std::vector<NetworkResult> networks;  ///< width by width, of each kind of network
  std::vector<Fit> fits;
  double slope = 0;  ///< common to all kinds of networks at initialization, for report.json; NaN for one width
  Pictures pictures;
  std::vector<std::string> files;  ///< written kernels, names inside settings.out
  double seconds = 0;
};

/// The images as `settings` asks, divided into training and test images. Throws data_error: what is missing, and what
/// to do about it.
nn::TrainAndTest load(const Settings& settings);

/// Throws data_error or shape_error for settings that cannot be run on these images: widths that the networks cannot
/// have, more images than there are.
void check(const Settings& settings, const nn::TrainAndTest& images);

/// Runs everything and writes the kernels into settings.out. `command` is what was typed.
Experiment run(const Settings& settings, const nn::TrainAndTest& images, const std::string& command);

}  // namespace xtangent::examples
