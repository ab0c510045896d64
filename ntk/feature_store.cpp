#include "ntk/feature_store.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/pool.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/computation/division.hpp"
#include "ntk/computation/feature_format.hpp"
#include "ntk/computation/feature_parts.hpp"
#include "ntk/computation/request.hpp"
#include "ntk/computation/shared_folder.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/planning/budget.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using feature_format::Manifest;
using store_format::fail;
using store_format::manifest_name;

StoredFeatures::StoredFeatures(fs::path folder) : folder_(std::move(folder)) {
  if (!has_manifest(folder_))
    fail(folder_, std::string("there is no ") + manifest_name + ": no features were stored here.");
  const Manifest manifest = feature_format::read_manifest(folder_);
  rows_ = manifest.rows;
  columns_ = manifest.columns;
  part_ = manifest.part;
  in_double_ = manifest.in_double;
  places_ = manifest.places;
  settings_ = manifest.settings;
  const std::string text = feature_format::text_of(manifest);
  identity_ = fingerprint(text.data(), text.size());
  find_parts();
}

void StoredFeatures::find_parts() {
  files_.clear();
  for (const fs::path& entry : entries(folder_))
    if (const auto found = feature_format::parsed(entry.filename().string()))
      if (found->number < parts()) files_[found->number] = entry;
}

void StoredFeatures::require_complete() const {
  if (!complete())
    fail(folder_, "only " + std::to_string(finished()) + " of " + std::to_string(parts()) +
                      " parts are finished. Compute the features again with this folder, which continues them.");
}

template <class T>
Array<T> StoredFeatures::part(std::size_t number) const {
  const auto found = files_.find(number);
  if (found == files_.end()) {
    fail(folder_, "part " + std::to_string(number) +
                      " is missing. Compute the features again with this folder, which continues them.");
  }
  const fs::path& file = found->second;
  Array<T> values = nn::read_npy<T>(file);
  const std::size_t rows = std::min(part_, rows_ - number * part_);
  if (!(values.shape() == Shape{rows, columns_}) ||
      file.filename() != feature_format::part_name(number, sum_of(values, {number}, identity_)))
    fail(file,
         "is corrupt: its checksum or shape does not fit. Remove it and compute the features again with this folder.");
  return values;
}

template <class T>
Array<T> StoredFeatures::block(std::size_t first, std::size_t last) const {
  if (first > last || last > rows_)
    throw shape_error("[features] rows " + std::to_string(first) + " to " + std::to_string(last) + " of " +
                      std::to_string(rows_) + " in " + folder_.string() + ".");
  Array<T> out({last - first, columns_});
  T* to = out.mutable_data();
  for (std::size_t at = first; at < last;) {
    const std::size_t number = at / part_, begin = number * part_, end = std::min({last, begin + part_, rows_});
    const Array<T> values = in_double_ ? converted<T>(part<double>(number)) : converted<T>(part<float>(number));
    to = std::copy_n(values.data() + (at - begin) * columns_, (end - at) * columns_, to);
    at = end;
  }
  return out;
}

void StoredFeatures::write_npy(const fs::path& file) const {
  require_complete();
  std::size_t next = 0;
  if (in_double_)
    nn::write_npy<double>(file, Shape{rows_, columns_}, [&] { return part<double>(next++); });
  else
    nn::write_npy<float>(file, Shape{rows_, columns_}, [&] { return part<float>(next++); });
}

StoreSettings StoredFeatures::basis() const {
  StoreSettings out;
  for (const auto& setting : settings_)
    for (const char* name :
         {"network", "parameters", "chosen parameters", "metric", "k", "seed", "split", "anchors", "places"})
      if (setting.first == name) out.push_back(setting);
  return out;
}

/// Begins a folder or continues one, part by part, alone or with other processes that `share` it.
template <class T>
class FeatureWriter {
 public:
  FeatureWriter(const fs::path& folder, const Manifest& manifest, bool share)
      : folder_(folder), shared_(folder, share, "features", "parts", "features-", [](const std::string& name) {
          return feature_format::parsed(name).has_value();
        }) {
    const double row_bytes = static_cast<double>(manifest.columns * sizeof(T));
    if (!has_manifest(folder))
      shared_.begin(feature_format::text_of(manifest), static_cast<double>(manifest.rows) * row_bytes);
    stored_.emplace(folder);
    require_same_settings(folder, stored_->settings(), known(manifest.settings));
    if (stored_->rows() != manifest.rows || stored_->columns() != manifest.columns ||
        stored_->rows_in_part() != manifest.part)
      throw option_error("[features] " + folder.string() +
                         " was begun with other parts. Use another folder, or continue with the options that it was "
                         "begun with.");
    shared_.tidy_up_alone();
    keep_whole_parts();
    double missing = 0;  // rows
    for (std::size_t part = 0; part < stored_->parts(); ++part)
      if (!has(part)) missing += static_cast<double>(std::min(manifest.part, manifest.rows - part * manifest.part));
    require_space(folder, missing * row_bytes, "features");
  }

  bool has(std::size_t number) const { return stored_->files_.contains(number); }
  // Finds the parts that other processes have finished.
  void look() {
    if (!shared_.shared()) return;
    shared_.require_manifest();
    stored_->find_parts();
    if (stored_->complete()) shared_.tidy_up_at_the_end();
  }
  void put(std::size_t number, const Array<T>& values) {
    const fs::path file = folder_ / feature_format::part_name(number, sum_of(values, {number}, stored_->identity_));
    shared_.write(file, values);
    stored_->files_[number] = file;
  }
  const StoredFeatures& stored() const { return *stored_; }

 private:
  // Folders that were begun before this was noted do without.
  StoreSettings known(StoreSettings settings) const {
    const auto is_rows = [](const auto& setting) { return setting.first == "rows of an example"; };
    const StoreSettings& there = stored_->settings();
    if (std::none_of(there.begin(), there.end(), is_rows)) std::erase_if(settings, is_rows);
    return settings;
  }

  // What is damaged is computed again.
  void keep_whole_parts() {
    std::erase_if(stored_->files_, [&](const auto& part) {
      return !is_whole(part.second, "features", [&] { stored_->part<T>(part.first); });
    });
  }

  fs::path folder_;
  SharedFolder shared_;
  std::optional<StoredFeatures> stored_;
};

/// Computes the parts that are not there and that this process may take.
template <class T>
class FeatureLoop {
 public:
  FeatureLoop(const FeatureParts<T>& parts, std::size_t examples, FeatureWriter<T>& writer,
              const FeatureOptions& options)
      : parts_(parts),
        examples_(examples),
        writer_(writer),
        columns_(writer.stored().columns()),
        kernel_{.progress = options.progress, .store = options.store, .sharing = options.sharing},
        meter_(kernel_, static_cast<double>(examples)),
        counted_(writer.stored().parts()) {
    Panel all{{0, 1}, {}};
    for (std::size_t number = 0; number < counted_.size(); ++number)
      all.columns.push_back({number, examples_of(number), {0, 1}, false});
    division_ = division_of(kernel_, {all});
  }

  void run() {
    writer_.look();
    meter_.skip(found());
    compute_together(
        *division_, kernel_.sharing, [&] { look_and_count(); }, [&] { return writer_.stored().complete(); },
        [&](bool) { compute(); });
  }

 private:
  Range examples_of(std::size_t number) const {
    return {number * parts_.part(), std::min(examples_, (number + 1) * parts_.part())};
  }

  void look_and_count() {
    writer_.look();
    meter_.add(found());
  }

  // Examples whose parts are there and were not counted yet: of an earlier run, or of other processes.
  double found() {
    double out = 0;
    for (std::size_t number = 0; number < counted_.size(); ++number)
      if (!counted_[number] && writer_.has(number)) {
        counted_[number] = true;
        out += static_cast<double>(examples_of(number).size());
      }
    return out;
  }

  void compute() {
    for (std::size_t number = 0; number < counted_.size(); ++number) {
      if (writer_.has(number) || !division_->take(0, number)) continue;
      // Another process may have finished the part and let it go just before.
      if (kernel_.sharing.with_others()) look_and_count();
      if (!writer_.has(number)) {
        counted_[number] = true;
        const Range here = examples_of(number);
        Array<T> rows({here.size() * parts_.rows_each(), columns_});
        parts_.make(here, rows, 0, [&](std::size_t done) { meter_.add(static_cast<double>(done)); });
        writer_.put(number, rows);
      }
      division_->finish();
    }
  }

  const FeatureParts<T>& parts_;
  std::size_t examples_;
  FeatureWriter<T>& writer_;
  std::size_t columns_;
  Options kernel_;  // what the meter and the division take
  ProgressMeter meter_;
  std::vector<bool> counted_;
  std::unique_ptr<Division> division_;
};

namespace {

// Everything that the bits of features depend on.
template <class T>
StoreSettings settings_of(const Request<T>& request, const Profile& profile, const FeatureBasis<T>& basis) {
  StoreSettings out = ntk::settings_of(request, profile);
  std::erase_if(out, [](const auto& setting) {
    for (const char* name : {"x2", "strategy", "rule", "tile"})
      if (setting.first == name) return true;
    return false;
  });
  const FeatureOptions& o = basis.options;
  const auto sum = [](const auto& a) { return a.defined() ? fingerprint(a.data(), a.bytes()) : std::string("none"); };
  if (basis.rows_each > 1) out.emplace_back("rows of an example", std::to_string(basis.rows_each));
  out.emplace_back("k", std::to_string(o.k));
  out.emplace_back("seed", std::to_string(o.seed));
  out.emplace_back("split", name(o.split));
  out.emplace_back("anchors", std::to_string(o.anchors) + " " + sum(basis.anchors) + " " + sum(basis.whitening) + " " +
                                  sum(basis.explained));
  std::string places;
  for (const FeaturePlace& p : basis.places) {
    const std::size_t numbers[] = {p.elements, p.first, p.count, p.exact};
    places = fingerprint(p.parameter.data(), p.parameter.size(), fingerprint(numbers, sizeof numbers, places));
  }
  out.emplace_back("places", places);
  return out;
}

}  // namespace

template <class T>
StoredFeatures stored_features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                               const Readout& readout, const FeatureBasis<T>& basis, const FeatureOptions& options) {
  if (options.store.empty()) throw option_error("[stored_features] options.store is empty. Name a folder in it.");
  check_sharing(options.sharing, options.store);
  check_feature_request(params, x, readout);
  FeatureOptions o = basis.options;
  o.memory = shared_memory(options.memory, options.sharing);
  o.part = options.part;
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory_budget(o.memory)));
  const FeatureParts<T> parts(net, params, x, readout, basis, o, false);
  const std::size_t n = x.shape()[0], each = parts.rows_each(), part = parts.part();
  const Options kernel{.memory = options.memory, .parameters = o.parameters, .metric = o.metric};
  const Request<T> request{net, params, x, x, true, readout, kernel};
  FeatureWriter<T> writer(options.store,
                          {n * each, basis.columns(), part * each, sizeof(T) == sizeof(double), basis.places,
                           settings_of(request, parts.sweep().profile(), basis)},
                          options.sharing.with_others());
  FeatureLoop<T>(parts, n, writer, options).run();
  return writer.stored();
}

template <class T>
StoredFeatures stored_features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                               const Readout& readout, const FeatureOptions& options) {
  if (options.store.empty()) throw option_error("[stored_features] options.store is empty. Name a folder in it.");
  check_sharing(options.sharing, options.store);
  return stored_features(net, params, x, readout, feature_basis(net, params, x, readout, options), options);
}

#define XTANGENT_INSTANTIATE(T)                                                                             \
  template Array<T> StoredFeatures::block<T>(std::size_t, std::size_t) const;                               \
  template StoredFeatures stored_features(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                          const Readout&, const FeatureOptions&);                           \
  template StoredFeatures stored_features(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                          const Readout&, const FeatureBasis<T>&, const FeatureOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
