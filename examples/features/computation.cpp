#include "examples/features/computation.hpp"

#include <cstdio>
#include <iostream>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/features/study.hpp"
#include "examples/kernel/sharing.hpp"
#include "nn/data/file.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/feature_store.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

template <class T>
void print_places(const ntk::FeatureBasis<T>& basis) {
  std::size_t exact = 0, elements = 0;
  for (const ntk::FeaturePlace& place : basis.places) {
    exact += place.exact;
    elements += place.exact ? place.elements : 0;
  }
  std::printf("features %s numbers for a row, %s of them exact: %zu of %zu arrays of parameters%s\n",
              grouped(static_cast<double>(basis.columns())).c_str(),
              grouped(static_cast<double>(elements + basis.columns() - basis.options.k)).c_str(), exact,
              basis.places.size(), basis.options.anchors > 0 ? ", and the anchors" : "");
  std::fflush(stdout);
}

void print_folder(const ntk::StoredFeatures& stored, const std::string& what, const ntk::Shard& shard) {
  if (const std::string missing = missing_parts(stored, shard); !missing.empty()) {
    std::printf("features of %s: %s\n", what.c_str(), missing.c_str());
    return;
  }
  const double size = static_cast<double>(stored.rows() * stored.columns()) * (stored.in_double() ? 8 : 4);
  std::printf("%s: features of %s, %zu x %zu in %s, %s\n", stored.folder().c_str(), what.c_str(), stored.rows(),
              stored.columns(), plural(stored.parts(), "file").c_str(), bytes(size).c_str());
}

template <class T>
void write_features(const FeatureSettings& s, const Work<T>& work) {
  ntk::FeatureOptions options = feature_options(s, work);
  const auto basis = ntk::feature_basis(*work.net, work.params, work.train, training_readout(s, work), options);
  print_places(basis);
  const std::size_t tests = work.tests(), all = work.train.shape()[0] + tests;
  const Patience patience;
  Progress bar(static_cast<double>(all));
  const Stopwatch watch;
  const auto write = [&](const std::string& what, const Array<T>& x, const ntk::Readout& readout) {
    const double n = static_cast<double>(x.shape()[0]);
    bar.resume(what, n, n, work.noun);
    options.store = s.out / what;
    options.progress = [&](const ntk::Progress& p) {
      bar.update(p.fraction * n);
      end_if_interrupted();
    };
    const bool computes = !ntk::has_manifest(options.store) || !ntk::StoredFeatures(options.store).complete();
    ntk::StoredFeatures out = ntk::stored_features(*work.net, work.params, x, readout, basis, options);
    if (computes) options.sharing.take_over = false;  // what is claimed from now on, living processes claim
    return out;
  };
  std::vector<std::pair<std::string, ntk::StoredFeatures>> done;
  done.emplace_back("the training " + work.noun, write("train", work.train, training_readout(s, work)));
  if (tests > 0) done.emplace_back("the test " + work.noun, write("test", work.test, test_readout(s, work)));
  bar.finish();
  const double time = watch.seconds();
  for (const auto& [what, stored] : done) print_folder(stored, what, options.sharing.shard);
  print_costs(time);
}

template <class T>
void compute_with(const FeatureSettings& s, const Work<T>& work) {
  if constexpr (std::is_same_v<T, float>)
    if (!s.study.empty()) {
      require_gnuplot();
      nn::require_writable_folder(s.out);
      const FeatureStudy study = study_features(s, work);
      const Patience patience;
      nn::write_file(s.out / "study.csv", {csv(study)});
      nn::write_file(s.out / "study.svg", {figure(study)});
      std::cout << '\n' << summary(study) << '\n' << (s.out / "study.svg").string() << '\n';
      return;
    }
  write_features(s, work);
}

}  // namespace

template <class T>
ntk::FeatureOptions feature_options(const FeatureSettings& s, const Work<T>& work) {
  const ntk::Options o = options_of(s.work, work);
  return {.k = s.k,
          .seed = s.work.seed,
          .anchors = s.anchors,
          .split = ntk::parse_feature_split(s.split),
          .parameters = o.parameters,
          .metric = o.metric,
          .memory = o.memory,
          .part = s.part,
          .sharing = sharing_of(s.work.sharing, s.work.program)};
}

template <class T>
ntk::Readout training_readout(const FeatureSettings& s, const Work<T>& work) {
  return readout_of(s.work, work, false);
}

template <class T>
ntk::Readout test_readout(const FeatureSettings& s, const Work<T>& work) {
  ntk::Readout out = readout_of(s.work, work, true);
  out.of_columns = out.of_rows;
  return out;
}

void compute(const FeatureSettings& s) {
  ntk::parse_feature_split(s.split);  // refused before anything is read, and so is what is no part
  sharing_of(s.work.sharing, s.work.program);
  with_work(s.work, [&](const auto& work) { compute_with(s, work); });
}

#define XTANGENT_INSTANTIATE(T)                                                         \
  template ntk::FeatureOptions feature_options(const FeatureSettings&, const Work<T>&); \
  template ntk::Readout training_readout(const FeatureSettings&, const Work<T>&);       \
  template ntk::Readout test_readout(const FeatureSettings&, const Work<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::examples
