#include "examples/common/images.hpp"

#include <algorithm>
#include <cstdlib>

#include "nn/data/cifar.hpp"
#include "nn/data/digits.hpp"
#include "nn/data/file.hpp"
#include "nn/data/idx.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

constexpr const char* idx_file = "train-images-idx3-ubyte";
constexpr const char* digits_file = "digits.csv.gz";

// Divides the 1,797 images as the quickstart does.
nn::TrainAndTest load_digits(const fs::path& folder) {
  const nn::LabeledImages all = nn::load_digits(folder / digits_file);
  return nn::split(all, std::min<std::size_t>(400, all.count() / 2), 1);
}

// The folder itself, and the folders below it with one of the names of the set.
std::vector<fs::path> folders_in(const ImageSet& set, const fs::path& place) {
  std::vector<fs::path> out = {place};
  for (const std::string& name : set.folders) out.push_back(place / name);
  return out;
}

}  // namespace

const std::vector<ImageSet>& image_sets() {
  static const std::vector<ImageSet> sets = {
      {"mnist",
       "MNIST",
       {"mnist", "MNIST/raw", "MNIST"},
       idx_file,
       "the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
       "t10k-labels-idx1-ubyte.gz (Y. LeCun, C. Cortes, C. Burges: http://yann.lecun.com/exdb/mnist)",
       nn::load_idx_folder},
      {"fashion",
       "Fashion-MNIST",
       {"fashion-mnist", "FashionMNIST/raw", "fashion"},
       idx_file,
       "the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
       "t10k-labels-idx1-ubyte.gz (Zalando SE: https://github.com/zalandoresearch/fashion-mnist)",
       nn::load_idx_folder},
      {"cifar10",
       "CIFAR-10",
       {"cifar10", "cifar-10-batches-bin", "cifar-10"},
       "data_batch_1.bin",
       "the six files of cifar-10-binary.tar.gz, unpacked (A. Krizhevsky: https://www.cs.toronto.edu/~kriz/cifar.html)",
       [](const fs::path& folder) { return nn::load_cifar_folder(folder); }},
      {"digits",
       "UCI's handwritten digits",
       {"."},
       digits_file,
       "digits.csv.gz, which `./run quickstart` takes from Debian's package python3-sklearn",
       load_digits}};
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

nn::TrainAndTest load(const ImageSet& set, const fs::path& data) {
  std::vector<fs::path> places;
  if (!data.empty()) {
    places = folders_in(set, data);
  } else {
    std::vector<fs::path> usual = {"data", "build/data"};
    if (const char* folder = std::getenv("XTANGENT_DATA")) usual.emplace_back(folder);
    usual.emplace_back("../shared/data");
    for (const fs::path& place : usual)
      for (const std::string& name : set.folders) places.push_back(place / name);
  }
  for (const fs::path& place : places)
    if (nn::has_file(place, {set.file})) return set.load(place);
  std::string tried;
  for (const fs::path& place : places) tried += "\n  " + place.string();
  throw data_error("[data] " + set.title + " was found in none of" + tried + "\nGet " + set.origin +
                   ", gzipped or not, and name their folder with --data DIR.");
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
