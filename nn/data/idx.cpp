#include "nn/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t images_magic = 2051, labels_magic = 2049;
constexpr std::size_t most_bytes = std::size_t(4) << 30;

[[noreturn]] void fail(const fs::path& file, const std::string& what) {
  throw data_error("[load_idx] " + file.string() + ": " + what);
}

// The contents of an IDX file of unsigned bytes: extents, and the elements behind the header.
struct Idx {
  std::vector<std::size_t> extents;
  std::size_t header = 0;
  std::vector<std::uint8_t> file;
};

std::size_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::size_t(bytes[at]) << 24 | std::size_t(bytes[at + 1]) << 16 | std::size_t(bytes[at + 2]) << 8 |
         bytes[at + 3];
}

// The extents in the header. Throws unless they are those of images or of labels, as the magic number says.
std::vector<std::size_t> read_extents(const fs::path& file, std::uint32_t magic, std::span<const std::uint8_t> bytes) {
  std::vector<std::size_t> out;
  std::size_t elements = 1;
  for (std::size_t axis = 0; axis < (magic & 0xff); ++axis) {
    const std::size_t at = 4 + 4 * axis, extent = big_endian(bytes, at);
    if (extent == 0) fail(file, "byte " + std::to_string(at) + ": extent 0 of axis " + std::to_string(axis) + ".");
    if (__builtin_mul_overflow(elements, extent, &elements))
      fail(file, "byte " + std::to_string(at) + ": the extents are too large.");
    out.push_back(extent);
  }
  return out;
}

std::size_t product(const std::vector<std::size_t>& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::size_t(1), std::multiplies<>());
}

Idx read_idx(const fs::path& file, std::uint32_t magic) {
  Idx out;
  out.header = 4 + 4 * (magic & 0xff);
  const auto size = [&](std::span<const std::uint8_t> beginning) {
    if (beginning.size() < 4) return std::size_t(4);
    if (big_endian(beginning, 0) != magic)
      fail(file, "byte 0: magic " + std::to_string(big_endian(beginning, 0)) + " instead of " + std::to_string(magic) +
                     (magic == images_magic ? ", images. Are images and labels swapped?" : ", labels."));
    return beginning.size() < out.header ? out.header : out.header + product(read_extents(file, magic, beginning));
  };
  out.file = read_file(file, size, most_bytes);
  const std::string present = std::to_string(out.file.size());
  if (out.file.size() < 4) fail(file, "byte 0: no IDX header in " + present + " bytes.");
  if (out.file.size() < out.header)
    fail(file, "byte " + present + ": the header of " + std::to_string(out.header) + " bytes is truncated.");
  out.extents = read_extents(file, magic, out.file);
  if (out.file.size() - out.header < product(out.extents))
    fail(file, "byte " + present + ": truncated, " + std::to_string(product(out.extents)) + " elements expected and " +
                   std::to_string(out.file.size() - out.header) + " present.");
  return out;
}

// A published data set, recognized by the CRC-32 of its unpacked training and test images.
struct Published {
  unsigned long crc;
  const char *name, *source, *license;
};
constexpr const char* mnist_source =
    "Yann LeCun, Corinna Cortes, Christopher J. C. Burges: The MNIST database of handwritten digits";
constexpr const char* mnist_license = "no formal license published; commonly redistributed as CC BY-SA 3.0";
constexpr const char* fashion_source = "Zalando Research (Xiao, Rasul, Vollgraf 2017): Fashion-MNIST";
constexpr const char* fashion_license = "MIT, Copyright (c) 2017 Zalando SE";
constexpr Published published[] = {{0xe9f4d8b3, "MNIST", mnist_source, mnist_license},
                                   {0x91373bdf, "MNIST", mnist_source, mnist_license},
                                   {0xb4f29f28, "Fashion-MNIST", fashion_source, fashion_license},
                                   {0x678fe0b1, "Fashion-MNIST", fashion_source, fashion_license}};

void name_it(LabeledImages& images, const Idx& file, const fs::path& from) {
  const unsigned long crc = crc32_z(0, file.file.data(), file.file.size());
  for (const Published& known : published)
    if (known.crc == crc) {
      images.name = known.name;
      images.source = known.source;
      images.license = known.license;
      return;
    }
  images.name = from.parent_path().filename().string();
  if (images.name.empty()) images.name = "IDX images";
  images.source = from.filename().string();
  images.license = "not stated in the files";
}

}  // namespace

LabeledImages load_idx(const fs::path& images_file, const fs::path& labels_file, std::size_t classes) {
  Idx images = read_idx(images_file, images_magic);
  const Idx labels = read_idx(labels_file, labels_magic);
  if (images.extents[0] != labels.extents[0])
    fail(labels_file, "byte 4: " + std::to_string(labels.extents[0]) + " labels for " +
                          std::to_string(images.extents[0]) + " images in " + images_file.string() + ".");
  LabeledImages out;
  out.channels = 1;
  out.height = images.extents[1];
  out.width = images.extents[2];
  out.classes = classes;
  name_it(out, images, images_file);
  out.labels.assign(labels.file.begin() + static_cast<std::ptrdiff_t>(labels.header), labels.file.end());
  const auto wrong = std::find_if(out.labels.begin(), out.labels.end(), [&](auto label) { return label >= classes; });
  if (wrong != out.labels.end())
    fail(labels_file, "byte " + std::to_string(labels.header + std::size_t(wrong - out.labels.begin())) + ": label " +
                          std::to_string(*wrong) + " of " + std::to_string(classes) + " classes.");
  images.file.erase(images.file.begin(), images.file.begin() + static_cast<std::ptrdiff_t>(images.header));
  out.bytes = std::move(images.file);
  return out;
}

TrainAndTest load_idx_folder(const fs::path& folder) {
  const auto find = [&](const std::string& stem, const std::string& kind) {
    return find_file(folder, {stem + "-" + kind, stem + "." + kind});
  };
  const auto part = [&](const std::string& stem) {
    const fs::path images = find(stem + "-images", "idx3-ubyte");
    return load_idx(images, find(stem + "-labels", "idx1-ubyte"));
  };
  TrainAndTest out{part("train"), part("t10k")};
  if (out.train.height != out.test.height || out.train.width != out.test.width)
    fail(folder, "training images of " + std::to_string(out.train.height) + " x " + std::to_string(out.train.width) +
                     " pixels and test images of " + std::to_string(out.test.height) + " x " +
                     std::to_string(out.test.width) + ".");
  return out;
}

}  // namespace xtangent::nn
