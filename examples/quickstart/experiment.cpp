#include "examples/quickstart/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "examples/common/fit.hpp"
#include "examples/common/images.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/common/threads.hpp"
#include "examples/quickstart/comparison.hpp"
#include "nn/data/digits.hpp"
#include "nn/data/file.hpp"
#include "nn/data/idx.hpp"
#include "nn/data/npy.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/fit.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t digits_for_testing = 400;

std::vector<std::size_t> labels_of(const nn::LabeledImages& images, const std::vector<std::size_t>& indices) {
  std::vector<std::size_t> out;
  for (std::size_t index : indices) out.push_back(images.labels[index]);
  return out;
}

// Writes files that are whole even if Ctrl-C comes meanwhile.
void whole_files(const std::function<void()>& write) {
  {
    const Patience patience;
    write();
  }
  end_if_interrupted();
}

// The whole run: what every network shares, and the results so far.
class Run {
 public:
  Run(const Settings& settings, const nn::TrainAndTest& images, const std::string& command)
      : settings_(settings),
        images_(images),
        scaling_(nn::standardization(images.train)),
        fit_indices_(nn::shuffled_indices(images.train.count(), settings.seed)),
        kernel_train_(nn::balanced_indices(images.train, settings.n_train, settings.seed)),
        kernel_test_(nn::balanced_indices(images.test, std::min(settings.n_test, images.test.count()), settings.seed)),
        progress_(total_weight()) {
    fit_indices_.resize(std::min(settings.fit_images, fit_indices_.size()));
    result_.command = command;
  }

  Experiment operator()() {
    const Stopwatch watch;
    whole_files([&] { describe(); });
    warm_up();
    for (std::size_t width : settings_.widths)
      for (const Kind& kind : network_kinds()) network(kind, width);
    progress_.finish();
    fit();
    result_.seconds = watch.seconds();
    return std::move(result_);
  }

 private:
  // The weights of the progress bar, in seconds on a machine with 60 GFLOP/s.
  double training_weight(const Kind& kind, std::size_t width) const {
    const double images = static_cast<double>(settings_.epochs * std::min(settings_.fit_images, images_.train.count()));
    return images * (6 * kind.work(images_.train, width) / 6e10 + 2e-5);
  }
  double kernel_weight(const Kind& kind, std::size_t width) const {
    const double n = static_cast<double>(settings_.n_train), m = static_cast<double>(settings_.n_test);
    const double outputs = static_cast<double>(images_.train.classes);
    const double sweeps = (2 * n + m) * (2 + 2 * outputs) * 2 * kind.work(images_.train, width) / 6e10;
    return sweeps + 1.3 * std::pow(n * outputs / 2000, 3);
  }
  double total_weight() const {
    double sum = 0;
    for (std::size_t width : settings_.widths)
      for (const Kind& kind : network_kinds()) sum += training_weight(kind, width) + 2 * kernel_weight(kind, width);
    return sum;
  }

  void describe() {
    result_.settings = settings_;
    result_.data = images_.train.name;
    result_.source = images_.train.source;
    result_.license = images_.train.license;
    result_.outputs = images_.train.classes;
    result_.fit_images = fit_indices_.size();
    result_.test_images = images_.test.count();
    result_.kernel_train = kernel_train_.size();
    result_.kernel_test = kernel_test_.size();
    for (const Kind& kind : network_kinds()) result_.architectures.emplace_back(kind.name, kind.layers(images_.train));
    result_.version = XTANGENT_VERSION;
    result_.processor = processor();
    result_.blas_core = kernels::blas_core().core;
    result_.threads = kernels::thread_count();
    Pictures& pictures = result_.pictures;
    std::vector<std::size_t> samples;
    for (std::size_t index : kernel_train_)
      if (std::find(pictures.classes.begin(), pictures.classes.end(), images_.train.labels[index]) ==
          pictures.classes.end()) {
        samples.push_back(index);
        pictures.classes.push_back(images_.train.labels[index]);
      }
    const nn::LabeledImages& train = images_.train;
    pictures.images = nn::pixels<double>(train, samples, nn::ImageLayout::flat)
                          .reshaped({samples.size(), train.channels * train.height, train.width});
    write_labels("train_labels", labels_of(images_.train, kernel_train_));
    write_labels("test_labels", labels_of(images_.test, kernel_test_));
  }

  void write_labels(const std::string& name, const std::vector<std::size_t>& labels) {
    const std::vector<std::int64_t> values(labels.begin(), labels.end());
    nn::write_npy(settings_.out / "kernels" / (name + ".npy"), values, {values.size()});
    result_.files.push_back("kernels/" + name + ".npy");
  }

  // Starts the threads and the buffers, so that the first kernel is not charged for them.
  void warm_up() const {
    const Kind& kind = network_kinds().front();
    const nn::AnyModule net = kind.make(images_.train, 16);
    ntk::entk(*net, net->init<float>(settings_.seed), inputs(kind).train);
  }

  KernelInputs inputs(const Kind& kind) const {
    KernelInputs out;
    out.train = nn::pixels<float>(images_.train, kernel_train_, kind.layout, scaling_);
    out.test = nn::pixels<float>(images_.test, kernel_test_, kind.layout, scaling_);
    out.train_labels = labels_of(images_.train, kernel_train_);
    out.test_labels = labels_of(images_.test, kernel_test_);
    out.targets = nn::one_hot<double>(out.train_labels, images_.train.classes);
    return out;
  }

  void network(const Kind& kind, std::size_t width) {
    const nn::AnyModule net = kind.make(images_.train, width);
    const KernelInputs kernel_inputs = inputs(kind);
    nn::Parameters<float> params = net->init<float>(settings_.seed);
    NetworkResult out;
    out.name = kind.name;
    out.width = width;
    out.parameters = params.size();
    const auto step = [&](const std::string& what) { return kind.name + " " + std::to_string(width) + ", " + what; };
    const auto kernels = [&](bool trained) {
      progress_.step(step(trained ? "kernels after training" : "kernels at initialization"), kernel_weight(kind, width),
                     4, "kernels");
      const Kernels k = kernels_of(net, params, kernel_inputs, progress_);
      whole_files([&] { write(kind, width, trained, k); });
      picture(kind, width, trained, k);
      return k.comparison;
    };
    out.init = kernels(false);
    progress_.step(step("training"), training_weight(kind, width),
                   static_cast<double>(fit_indices_.size() * settings_.epochs), "images");
    train(kind, width, net, params, out);
    out.trained = kernels(true);
    result_.networks.push_back(std::move(out));
  }

  void train(const Kind& kind, std::size_t width, const nn::AnyModule& net, nn::Parameters<float>& params,
             NetworkResult& out) {
    const Stopwatch watch;
    out.learning_rate = settings_.learning_rate * std::sqrt(64.0 / static_cast<double>(width));
    nn::FitOptions<float> options;
    options.epochs = settings_.epochs;
    options.batch = settings_.batch_size;
    options.optimizer = nn::adam({.rate = out.learning_rate});
    options.schedule = [](double done) { return 0.5 * (1 + std::cos(3.141592653589793 * done)); };
    options.seed = settings_.seed;
    const double images = static_cast<double>(fit_indices_.size() * settings_.epochs);
    options.progress = [&](const nn::Progress& p) { progress_.update(p.fraction * images); };
    nn::Fit<float> fitted =
        nn::fit(*net, std::move(params), nn::pixels<float>(images_.train, fit_indices_, kind.layout, scaling_),
                labels_of(images_.train, fit_indices_), std::move(options));
    params = std::move(fitted.params);
    for (const nn::Epoch& epoch : fitted.history) out.losses.push_back(epoch.loss);
    out.seconds_training = watch.seconds();
    out.test_accuracy =
        nn::accuracy(*net, params, nn::pixels<float>(images_.test, kind.layout, scaling_), images_.test.labels);
  }

  void write(const Kind& kind, std::size_t width, bool trained, const Kernels& k) {
    std::string stem = kind.name + "_" + std::to_string(width) + (trained ? "_trained_" : "_init_");
    std::replace(stem.begin(), stem.end(), ' ', '_');
    const auto put = [&](const char* what, const Array<double>& kernel) {
      const std::string name = "kernels/" + stem + what + ".npy";
      nn::write_npy(settings_.out / name, kernel);
      result_.files.push_back(name);
    };
    put("pntk", k.pntk);
    put("pntk_test", k.pntk_test);
    const bool widest = width == *std::max_element(settings_.widths.begin(), settings_.widths.end());
    if (widest || settings_.all_kernels) put("entk", k.entk);
    if (settings_.all_kernels) put("entk_test", k.entk_test);
  }

  // Keeps the matrices that the report shows, those of the widest network of the first kind.
  void picture(const Kind& kind, std::size_t width, bool trained, const Kernels& k) {
    const std::size_t outputs = result_.outputs;
    Pictures& pictures = result_.pictures;
    if (kind.name != network_kinds().front().name || width < pictures.width) return;
    pictures.name = kind.name;
    pictures.width = width;
    (trained ? pictures.pair_trained : pictures.pair_init) = first_pair(k.entk, outputs);
    if (!trained) return;
    const std::vector<std::size_t> labels = labels_of(images_.train, kernel_train_);
    pictures.first_class = labels.front();
    pictures.second_class = labels[std::min<std::size_t>(1, labels.size() - 1)];
    std::vector<std::size_t> order(labels.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return labels[a] < labels[b]; });
    pictures.sorted_labels.clear();
    for (std::size_t index : order) pictures.sorted_labels.push_back(labels[index]);
    pictures.trace_trained = reordered(block_traces(k.entk, outputs), order);
    pictures.pntk_trained = reordered(k.pntk, order);
  }

  void fit() {
    std::vector<std::vector<std::pair<double, double>>> initial;
    for (bool trained : {false, true})
      for (const Kind& kind : network_kinds()) {
        std::vector<std::pair<double, double>> points;
        for (const NetworkResult& n : result_.networks)
          if (n.name == kind.name)
            points.emplace_back(static_cast<double>(n.width), (trained ? n.trained : n.init).relative_frobenius);
        const PowerLaw law = fit_power_law({points});
        if (std::isfinite(law.slope))
          result_.fits.push_back({kind.name, trained, law.slope, law.intercepts.front(), law.error, law.low, law.high});
        if (!trained) initial.push_back(std::move(points));
      }
    result_.slope = fit_power_law(initial).slope;
  }

  Settings settings_;
  const nn::TrainAndTest& images_;
  nn::PixelScaling scaling_;
  std::vector<std::size_t> fit_indices_, kernel_train_, kernel_test_;
  Progress progress_;
  Experiment result_;
};

[[noreturn]] void refuse(const std::string& what) { throw data_error("[quickstart] " + what); }

}  // namespace

nn::TrainAndTest load(const Settings& settings) {
  std::error_code code;
  if (!settings.data.empty()) {
    for (const char* name : {"optdigits.tra", "optdigits.tra.gz"})
      if (fs::exists(settings.data / name, code)) return nn::load_digits_folder(settings.data);
    return nn::load_idx_folder(settings.data);
  }
  const ImageSet digits = image_set("digits");
  const fs::path file = settings.digits.empty() ? find(digits, {}) / digits.file : settings.digits;
  if (!fs::exists(file, code))
    refuse(file.string() + " is not there. Name scikit-learn's digits.csv.gz with --digits, or none.");
  const nn::LabeledImages all = nn::load_digits(file);
  return nn::split(all, std::min(digits_for_testing, all.count() / 2), settings.seed);
}

void check(const Settings& settings, const nn::TrainAndTest& images) {
  if (settings.widths.empty()) refuse("no widths. Give one or more, such as --widths 64 128 256.");
  const std::set<std::size_t> different(settings.widths.begin(), settings.widths.end());
  if (*different.begin() == 0) refuse("a width of 0. A network needs at least one feature in its last hidden layer.");
  for (std::size_t width : different)
    if (width % 4 != 0)
      refuse("a width of " + std::to_string(width) +
             ". The convolutional networks need multiples of 4: a quarter of the width in channels of 2 x 2 pixels.");
  if (different.size() != settings.widths.size()) refuse("a width is given twice.");
  if (settings.n_train < 2) refuse("--n is " + std::to_string(settings.n_train) + "; at least 2 are needed.");
  if (settings.n_train > images.train.count())
    refuse("--n is " + std::to_string(settings.n_train) + ", but " + images.train.name + " has " +
           std::to_string(images.train.count()) + " training images.");
  if (std::min(images.train.height, images.train.width) < 6) refuse("the images are smaller than 6 x 6 pixels.");
  // Throws memory_error here rather than after the first training.
  const Kind& kind = network_kinds().front();
  const nn::AnyModule net = kind.make(images.train, *different.rbegin());
  const std::size_t one[] = {0};
  const Array<float> x = nn::pixels<float>(images.train, one, kind.layout);
  ntk::plan(*net, net->init<float>(settings.seed), x, std::max(settings.n_train, settings.n_test), settings.n_train,
            ntk::readout::full());
}

Experiment run(const Settings& settings, const nn::TrainAndTest& images, const std::string& command) {
  return Run(settings, images, command)();
}

}  // namespace xtangent::examples
