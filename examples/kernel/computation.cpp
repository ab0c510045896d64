#include "examples/kernel/computation.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <iostream>
#include <optional>
#include <vector>

#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/kernel/layers.hpp"
#include "examples/kernel/sharing.hpp"
#include "examples/kernel/work.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"

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

// The share of the tiles that are in a store.
double finished(const fs::path& store) {
  if (!ntk::is_store(store)) return 0;
  const ntk::StoredKernel kernel(store);
  return static_cast<double>(kernel.finished()) / static_cast<double>(kernel.tiles());
}

// The disk of a file or folder, which need not exist yet.
std::optional<dev_t> disk_of(fs::path place) {
  struct stat about {};
  for (place = fs::absolute(place).lexically_normal(); ::stat(place.c_str(), &about) != 0; place = place.parent_path())
    if (place == place.parent_path()) return std::nullopt;
  return about.st_dev;
}

// Bytes of the tiles that will come to the disk of `file`.
double tiles_beside(const fs::path& file, const std::vector<Part>& parts) {
  double out = 0;
  for (const Part& part : parts)
    if (!part.store.empty() && disk_of(part.store) == disk_of(file))
      out += (part.test ? 1 : 0.5) * part.plan.result_bytes * (1 - finished(part.store));
  return out;
}

// Checks before the work that the files can be written and that their disk has room for all of them.
void check_files(const std::vector<Part>& parts) {
  double before = 0;
  for (const Part& part : parts) {
    nn::require_writable_file(part.file, part.plan.result_bytes, before + tiles_beside(part.file, parts));
    before += part.plan.result_bytes;
  }
}

// Returns what missing_parts says of the kernel.
template <class T>
std::string compute_part(const Work<T>& work, const Part& part, const ntk::Options& options) {
  const ntk::Readout& readout = part.readout;
  if (part.store.empty()) {
    nn::write_npy(part.file, part.test ? ntk::kernel(*work.net, work.params, work.test, work.train, readout, options)
                                       : ntk::kernel(*work.net, work.params, work.train, readout, options));
    return {};
  }
  const std::uint64_t before = file_number(part.file);
  const ntk::StoredKernel kernel =
      part.test ? ntk::stored_kernel(*work.net, work.params, work.test, work.train, readout, options)
                : ntk::stored_kernel(*work.net, work.params, work.train, readout, options);
  if (kernel.complete()) write_together(kernel, part.file, before, options.sharing);
  return missing_parts(kernel, options.sharing.shard);
}

std::vector<Part> parts_of(const Settings& s, bool tests) {
  std::vector<Part> out = {{"kernel", false, s.out, s.store.empty() ? fs::path() : s.store / "train"}};
  if (tests) out.push_back({"test x train", true, test_file(s.out), s.store.empty() ? fs::path() : s.store / "test"});
  return out;
}

template <class T>
void compute_with(const Settings& s, const Work<T>& work) {
  if (s.per_layer) return compute_layers(s, work);
  ntk::Options options = options_of(s, work);
  options.sharing = sharing_of(s.sharing, s.program);
  std::vector<Part> parts = parts_of(s, work.tests() > 0);
  if (!s.dry_run) with_patience([&] { check_files(parts); });  // before the plan, which says how large they will be
  double flop = 0;
  for (Part& part : parts) {
    const std::size_t columns = work.train.shape()[0], rows = part.test ? work.tests() : columns;
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
  std::vector<std::string> missing;
  for (const Part& part : parts) {
    bar.begin(part.what, part.plan.flop());
    options.store = part.store;
    options.progress = [&](const ntk::Progress& p) {
      bar(p);
      end_if_interrupted();
    };
    const bool computes = !part.store.empty() && finished(part.store) < 1;
    missing.push_back(compute_part(work, part, options));
    if (computes) options.sharing.take_over = false;  // what is claimed from now on, living processes claim
  }
  bar.finish();
  const double time = watch.seconds();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (!missing[i].empty())
      std::printf("%s is not written yet: %s\n", part.file.c_str(), missing[i].c_str());
    else
      std::printf("%s: %s of %zu x %zu %s, %s\n", part.file.c_str(), part.what.c_str(), part.plan.rows,
                  part.plan.columns, work.noun.c_str(), bytes(part.plan.result_bytes).c_str());
  }
  print_costs(time);
}

}  // namespace

fs::path test_file(const fs::path& out) {
  return out.parent_path() / (out.stem().string() + "_test" + out.extension().string());
}

void compute(const Settings& settings) {
  sharing_of(settings.sharing, settings.program);  // what is no part is refused before anything is read
  with_work(settings, [&](const auto& work) { compute_with(settings, work); });
}

}  // namespace xtangent::examples
