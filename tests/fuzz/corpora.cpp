// Writes valid files for each fuzzer to begin with: corpora FOLDER, which becomes FOLDER/NAME/....
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/safetensors.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/kernel.hpp"
#include "tests/fuzz/networks.hpp"

namespace {

namespace fs = std::filesystem;
using namespace xtangent;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Adds a file to the corpus `name`, as it is and gzipped.
void add(const fs::path& home, const std::string& name, const std::string& bytes) {
  fs::create_directories(home / name);
  static int number = 0;
  const fs::path file = home / name / std::to_string(number++);
  nn::write_file(file, {bytes});
  const gzFile packed = gzopen((file.string() + ".gz").c_str(), "wb");
  gzwrite(packed, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(packed);
}

template <class T>
std::string npy(const fs::path& scratch, const Array<T>& values) {
  nn::write_npy(scratch, values);
  return contents(scratch);
}

// A zip archive of one file, which is not compressed.
std::string zip(const std::string& name, const std::string& bytes) {
  const auto number = [](std::uint32_t value, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += static_cast<char>(value >> 8 * i);
    return out;
  };
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::string both = number(20, 2) + number(0, 2) + number(0, 2) + number(0, 4) + number(crc, 4) +
                           number(size, 4) + number(size, 4) + number(static_cast<std::uint32_t>(name.size()), 2) +
                           number(0, 2);
  const std::string local = number(0x04034b50, 4) + both + name + bytes;
  const std::string central = number(0x02014b50, 4) + number(20, 2) + both + number(0, 2) + number(0, 2) +
                              number(0, 2) + number(0, 4) + number(0, 4) + name;
  return local + central + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
         number(static_cast<std::uint32_t>(central.size()), 4) + number(static_cast<std::uint32_t>(local.size()), 4) +
         number(0, 2);
}

void write(const fs::path& home) {
  const fs::path scratch = home / "scratch";
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{0, 4}}) {
    add(home, "npy", npy(scratch, Array<float>::ones(shape)));
    add(home, "npy", npy(scratch, Array<double>::ones(shape)));
    add(home, "npz", zip("a.npy", npy(scratch, Array<double>::ones(shape))));
  }
  nn::write_npy(scratch, std::vector<std::int64_t>{1, 2, 3}, {3});
  add(home, "npy", contents(scratch));
  add(home, "idx", std::string("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh", 24));
  add(home, "idx", std::string("\0\0\x08\x01\0\0\0\2\1\2", 10));
  add(home, "cifar", '\3' + std::string(3072, '\x50'));
  std::string row;
  for (int i = 0; i < 64; ++i) row += std::to_string(i % 17) + ",";
  add(home, "cifar", row + "7\n" + row + "1\n");
  const auto net = fuzz::network();
  nn::save_parameters(net.init<float>(1), scratch);
  add(home, "safetensors", contents(scratch));
  nn::TrainingState<float> state{net.init<float>(1), {}};
  nn::save_checkpoint(scratch, state, fuzz::settings);
  add(home, "checkpoint", contents(scratch));
  add(home, "safetensors", contents(scratch));
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo(), ntk::readout::diagonal()}) {
    const fs::path store = home / "store";
    fs::remove_all(store);
    const auto kernel =
        ntk::stored_kernel(net, net.init<float>(1), Array<float>::ones({6, 2}), readout, {.tile = 2, .store = store});
    add(home, "manifest", contents(store / ntk::store_format::manifest_name));
    fs::remove_all(store);
    fs::create_directories(home / "readout");
    nn::write_file(home / "readout" / readout.name(), {readout.name()});
  }
  for (const std::string name : {"single:3", "signs:17", "signs:5x4"}) nn::write_file(home / "readout" / name, {name});
  fs::remove(scratch);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: corpora FOLDER\n", stderr), 2;
  try {
    write(argv[1]);
  } catch (const std::exception& failure) {
    std::cerr << "corpora: " << failure.what() << "\n";
    return 1;
  }
  return 0;
}
