#include "examples/kernel/computation.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <iostream>
#include <numeric>
#include <sstream>
#include <vector>

#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/program.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/sizes.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/data/dataset.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/safetensors.hpp"
#include "ntk/kernel.hpp"
#include "ntk/per_example.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

/// One of the kernels to compute.
struct Part {
  std::string what;  // name to show
  bool test = false;
  fs::path file, store;
  ntk::Plan plan = {};
  ntk::Readout readout = {};
};

// The network at its parameters, and the images as numbers.
template <class T>
struct Work {
  nn::AnyModule net;
  nn::Parameters<T> params;
  Array<T> train, test;
  ntk::Labels train_labels, test_labels;
};

// What the readout named in the settings takes of the images of a part, with their labels.
template <class T>
ntk::Readout readout_of(const Settings& s, const Work<T>& work, bool test) {
  const ntk::Readout columns = ntk::readout::parse(s.readout, work.train_labels);
  if (!test || columns.common()) return columns;
  return ntk::readout::between(ntk::readout::parse(s.readout, work.test_labels), columns);
}

ntk::Labels labels_of(const nn::LabeledImages& images, const std::vector<std::size_t>& chosen) {
  ntk::Labels out;
  for (const std::size_t i : chosen) out.push_back(images.labels[i]);
  return out;
}

std::vector<std::size_t> first(std::size_t count, const nn::LabeledImages& images, const char* option,
                               const char* which) {
  if (count > images.count())
    throw option_error(std::string("[kernel] ") + option + " " + std::to_string(count) + ": " + images.name + " has " +
                       grouped(static_cast<double>(images.count())) + " " + which + " images.");
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

template <class T>
Work<T> prepare(const Settings& s, const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(s.network);
  const double width = kind.width_for(images.train, s.width);
  const nn::AnyModule net = kind.make(images.train, width);
  // Images are scaled as the trainer scales them.
  const nn::DatasetOptions options{.layout = kind.layout, .scaling = nn::channel_standardization(images.train)};
  const std::size_t n = s.n == 0 ? images.train.count() : s.n;
  const std::vector<std::size_t> rows = first(n, images.train, "--n", "training");
  const std::vector<std::size_t> others = first(s.test, images.test, "--test", "test");
  Work<T> work{net,
               net->init<T>(s.seed),
               nn::Dataset(images.train, options).template batch<T>(rows),
               nn::Dataset(images.test, options).template batch<T>(others),
               labels_of(images.train, rows),
               labels_of(images.test, others)};
  if (!s.weights.empty()) work.params = nn::load_parameters<T>(std::move(work.params), s.weights);
  std::printf("%s, width %g, %s: %s parameters; %s\n", kind.name.c_str(), width,
              s.weights.empty() ? "initial parameters" : s.weights.c_str(),
              grouped(static_cast<double>(work.params.size())).c_str(), images.train.name.c_str());
  return work;
}

// Checks before the work that the files can be written and that their disk has room for all of them.
void check_files(const std::vector<Part>& parts) {
  double before = 0;
  for (const Part& part : parts) {
    nn::require_writable_file(part.file, part.plan.result_bytes, before);
    before += part.plan.result_bytes;
  }
}

// The progress bar, with a step for each kernel. Its unit is floating-point operations.
class Bar {
 public:
  explicit Bar(double flop) : bar_(flop / 1e9) {}
  void begin(const Part& part) {
    what_ = part.what;
    gflop_ = part.plan.flop() / 1e9;
    begun_ = false;
  }
  void operator()(const ntk::Progress& p) {
    if (!begun_) bar_.step(what_, gflop_, gflop_, "GFLOP", p.fraction * gflop_);
    begun_ = true;
    bar_.update(p.fraction * gflop_);
  }
  void finish() { bar_.finish(); }

 private:
  Progress bar_;
  std::string what_;
  double gflop_ = 0;
  bool begun_ = false;
};

template <class T>
void compute_part(const Work<T>& work, const Part& part, const ntk::Options& options) {
  const ntk::Readout& readout = part.readout;
  if (part.store.empty()) {
    nn::write_npy(part.file, part.test ? ntk::kernel(*work.net, work.params, work.test, work.train, readout, options)
                                       : ntk::kernel(*work.net, work.params, work.train, readout, options));
    return;
  }
  const ntk::StoredKernel kernel =
      part.test ? ntk::stored_kernel(*work.net, work.params, work.test, work.train, readout, options)
                : ntk::stored_kernel(*work.net, work.params, work.train, readout, options);
  kernel.write_npy(part.file);
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) out.push_back(one);
  return out;
}

std::vector<Part> parts_of(const Settings& s) {
  std::vector<Part> out = {{"kernel", false, s.out, s.store.empty() ? fs::path() : s.store / "train"}};
  if (s.test) out.push_back({"test x train", true, test_file(s.out), s.store.empty() ? fs::path() : s.store / "test"});
  return out;
}

template <class T>
void compute_in(const Settings& s, const nn::TrainAndTest& images) {
  ntk::readout::parse(s.readout, {});  // refused before anything else
  ntk::Options options{.memory = s.memory.empty() ? 0 : parse_bytes("--memory", s.memory),
                       .parameters = listed(s.parameters)};
  const Work<T> work = prepare<T>(s, images);
  std::vector<Part> parts = parts_of(s);
  if (!s.dry_run) with_patience([&] { check_files(parts); });  // before the plan, which says how large they will be
  double flop = 0;
  for (Part& part : parts) {
    const std::size_t columns = work.train.shape()[0], rows = part.test ? s.test : columns;
    options.store = part.store;
    part.readout = readout_of(s, work, part.test);
    const ntk::Readout& readout = part.readout;
    const ntk::Residence residence = part.store.empty() ? ntk::Residence::dense : ntk::Residence::stored;
    part.plan = part.test ? ntk::plan(*work.net, work.params, work.train, rows, columns, readout, options, residence)
                          : ntk::plan(*work.net, work.params, work.train, readout, options, residence);
    flop += part.plan.flop();
    std::cout << "\n" << part.plan << std::flush;
    if (!part.store.empty() && ntk::is_store(part.store)) {
      const ntk::StoredKernel begun(part.store);
      std::printf("store    %zu of %zu tiles are in %s\n", begun.finished(), begun.tiles(), part.store.c_str());
    }
  }
  std::printf("\n");
  std::fflush(stdout);
  if (s.dry_run) return;
  with_patience([&] { check_files(parts); });
  const Patience patience;
  Bar bar(flop);
  const Stopwatch watch;
  for (const Part& part : parts) {
    bar.begin(part);
    options.store = part.store;
    options.progress = [&](const ntk::Progress& p) {
      bar(p);
      end_if_interrupted();
    };
    compute_part(work, part, options);
  }
  bar.finish();
  const double time = watch.seconds();
  for (const Part& part : parts)
    std::printf("%s: %s of %zu x %zu images, %s\n", part.file.c_str(), part.what.c_str(), part.plan.rows,
                part.plan.columns, bytes(part.plan.result_bytes).c_str());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%s, at most %s of memory\n", seconds(time).c_str(),
              bytes(1024.0 * static_cast<double>(usage.ru_maxrss)).c_str());
}

}  // namespace

fs::path test_file(const fs::path& out) {
  return out.parent_path() / (out.stem().string() + "_test" + out.extension().string());
}

void compute(const Settings& settings) {
  network_kind(settings.network);  // before the images are read
  const nn::TrainAndTest images = load(settings.data);
  settings.in_double ? compute_in<double>(settings, images) : compute_in<float>(settings, images);
}

}  // namespace xtangent::examples
