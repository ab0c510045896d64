#include "nn/data/cifar.hpp"

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t side = 32, channels = 3, image_bytes = channels * side * side;
constexpr std::size_t most_bytes = std::size_t(512) << 20;  // a limit for files, more than three times the largest one

// The bytes before an image: how many there are, which of them is the label, and how many classes it has.
struct Format {
  std::size_t label_bytes, label, classes;
};

Format format_of(CifarLabels labels) {
  switch (labels) {
    case CifarLabels::hundred:
      return {2, 1, 100};
    case CifarLabels::hundred_coarse:
      return {2, 0, 20};
    case CifarLabels::ten:
      break;
  }
  return {1, 0, 10};
}

[[noreturn]] void fail(const fs::path& file, std::size_t byte, const std::string& what) {
  throw data_error("[load_cifar] " + file.string() + ": byte " + std::to_string(byte) + ": " + what);
}

// Appends the records of a file to `out`.
void append(const fs::path& file, Format format, LabeledImages& out) {
  const std::vector<std::uint8_t> bytes = read_file(file, most_bytes);
  const std::size_t record = format.label_bytes + image_bytes, count = bytes.size() / record;
  if (bytes.empty()) fail(file, 0, "no records.");
  if (bytes.size() % record)
    fail(file, bytes.size(),
         "record " + std::to_string(count) + " is cut off after " + std::to_string(bytes.size() % record) + " of " +
             std::to_string(record) + " bytes. Is this a file of the binary version, with these labels?");
  out.bytes.reserve(out.bytes.size() + count * image_bytes);
  for (std::size_t begin = 0; begin < bytes.size(); begin += record) {
    const std::size_t label = bytes[begin + format.label];
    if (label >= format.classes)
      fail(file, begin + format.label,
           "label " + std::to_string(label) + " of " + std::to_string(format.classes) + " classes.");
    out.labels.push_back(label);
    const auto image = bytes.begin() + static_cast<std::ptrdiff_t>(begin + format.label_bytes);
    out.bytes.insert(out.bytes.end(), image, image + image_bytes);
  }
}

LabeledImages load(const std::vector<fs::path>& files, CifarLabels labels) {
  const Format format = format_of(labels);
  LabeledImages out;
  out.channels = channels;
  out.height = out.width = side;
  out.classes = format.classes;
  out.name = labels == CifarLabels::ten ? "CIFAR-10" : "CIFAR-100";
  out.source = "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009";
  out.license = "no formal license published; the authors ask for a citation";
  for (const fs::path& file : files) append(file, format, out);
  return out;
}

}  // namespace

LabeledImages load_cifar(const fs::path& file, CifarLabels labels) { return load({file}, labels); }

TrainAndTest load_cifar_folder(const fs::path& folder, bool coarse) {
  if (has_file(folder, {"train.bin"})) {
    const CifarLabels labels = coarse ? CifarLabels::hundred_coarse : CifarLabels::hundred;
    return {load({find_file(folder, {"train.bin"})}, labels), load({find_file(folder, {"test.bin"})}, labels)};
  }
  std::vector<fs::path> batches;
  for (int batch = 1; batch <= 5; ++batch)
    batches.push_back(find_file(folder, {"data_batch_" + std::to_string(batch) + ".bin"}));
  const fs::path test = find_file(folder, {"test_batch.bin"});
  if (coarse)
    throw data_error("[load_cifar_folder] " + folder.string() + ": CIFAR-10 has no superclasses; CIFAR-100 has.");
  return {load(batches, CifarLabels::ten), load({test}, CifarLabels::ten)};
}

}  // namespace xtangent::nn
