#include "examples/common/images.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "examples/image_sets.hpp"
#include "nn/data/cifar.hpp"
#include "nn/data/digits.hpp"
#include "nn/data/file.hpp"
#include "nn/data/idx.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

constexpr const char* digits_file = "digits.csv.gz";

// Divides the 1,797 images as the quickstart does.
nn::TrainAndTest load_digits(const fs::path& folder) {
  const nn::LabeledImages all = nn::load_digits(folder / digits_file);
  return nn::split(all, std::min<std::size_t>(400, all.count() / 2), 1);
}

nn::TrainAndTest load_cifar(const fs::path& folder) { return nn::load_cifar_folder(folder); }

std::vector<std::string> split(const std::string& text, char between) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, between);) out.push_back(part);
  return out;
}

std::vector<ImageSet> read_table(const std::string& table) {
  std::vector<ImageSet> out;
  for (const std::string& line : split(table, '\n')) {
    if (line.empty()) continue;
    const std::vector<std::string> cells = split(line, '|');
    ImageSet set{cells.at(0), cells.at(1), split(cells.at(2), ' '), cells.at(3), cells.at(4), nn::load_idx_folder};
    if (set.name == "cifar10") set.load = load_cifar;
    if (set.name == "digits") set.load = load_digits;
    out.push_back(std::move(set));
  }
  return out;
}

// The folder itself, or one of the set's names below it.
std::vector<fs::path> folders_in(const ImageSet& set, const fs::path& place) {
  std::vector<fs::path> out = {place};
  for (const std::string& name : set.folders) out.push_back(place / name);
  return out;
}

}  // namespace

const std::vector<ImageSet>& image_sets() {
  static const std::vector<ImageSet> sets = read_table(image_sets_table);
  return sets;
}

const ImageSet& image_set(const std::string& name) {
  std::string names;
  for (const ImageSet& set : image_sets()) {
    if (set.name == name) return set;
    names += (names.empty() ? "" : ", ") + set.name;
  }
  throw option_error("[data] no data set '" + name + "'. There are " + names + ".");
}

fs::path find(const ImageSet& set, const fs::path& data) {
  std::vector<fs::path> places = {data};
  if (data.empty()) {
    places = {"data", "build/data"};
    if (const char* folder = std::getenv("XTANGENT_DATA")) places.emplace_back(folder);
  }
  for (const fs::path& place : places)
    for (const fs::path& folder : folders_in(set, place))
      if (nn::has_file(folder, {set.file})) return folder;
  const std::string looked = data.empty() ? "data/, build/data/ or $XTANGENT_DATA" : data.string();
  const std::string says = "[data] " + set.title + " was not found in " + looked + ".\nGet " + set.origin +
                           ", gzipped or not, and name their folder with --data DIR.";
  if (set.file == digits_file && data.empty()) throw DigitsMissing(says);
  throw data_error(says);
}

// The files of MNIST and Fashion-MNIST have the same names. What is in them tells them apart.
nn::TrainAndTest load(const ImageSet& set, const fs::path& data) {
  const fs::path folder = find(set, data);
  nn::TrainAndTest out = set.load(folder);
  for (const ImageSet& other : image_sets())
    if (other.name != set.name && other.title == out.train.name)
      throw data_error("[data] " + folder.string() + " has " + other.title + ", not " + set.title + ". Get " +
                       set.origin + ", and name their folder, or one above those of both sets, with --data DIR.");
  return out;
}

nn::TrainAndTest load(const std::string& where) {
  for (const ImageSet& set : image_sets())
    if (set.name == where) return load(set, fs::path());
  for (const ImageSet& set : image_sets())
    if (nn::has_file(where, {set.file})) return set.load(where);
  std::string names, files;
  for (const ImageSet& set : image_sets()) {
    names += (names.empty() ? "" : ", ") + set.name;
    if (files.find(set.file) == std::string::npos) files += (files.empty() ? "" : ", ") + set.file;
  }
  throw data_error("[data] '" + where + "' is none of " + names + ", nor a folder with one of " + files + ".");
}

}  // namespace xtangent::examples
