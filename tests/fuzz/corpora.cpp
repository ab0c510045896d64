// Writes valid files for each fuzzer to begin with: corpora FOLDER EXPORTED-PROGRAM..., which becomes
// FOLDER/READER/....
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/data/zip.hpp"
#include "nn/safetensors.hpp"
#include "nn/training/metrics.hpp"
#include "ntk/computation/feature_format.hpp"
#include "ntk/computation/store_format.hpp"
#include "tests/fuzz/training.hpp"

namespace {

namespace fs = std::filesystem;
using namespace xtangent;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

enum class Format { gzip = 16 + MAX_WBITS, bare = -MAX_WBITS };

std::string deflated(const std::string& bytes, Format format) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, static_cast<int>(format), 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string little_endian(std::size_t value, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

// A ZIP archive of one file.
std::string zip(const std::string& name, const std::string& bytes, bool packed) {
  const std::string held = packed ? deflated(bytes, Format::bare) : bytes;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  const std::string both = little_endian(20, 2) + little_endian(0, 2) + little_endian(packed ? 8 : 0, 2) +
                           little_endian(0, 4) + little_endian(crc, 4) + little_endian(held.size(), 4) +
                           little_endian(bytes.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2);
  const std::string local = little_endian(0x04034b50, 4) + both + name + held;
  const std::string central = little_endian(0x02014b50, 4) + little_endian(20, 2) + both + std::string(14, '\0') + name;
  return local + central + little_endian(0x06054b50, 4) + little_endian(0, 4) + little_endian(1, 2) +
         little_endian(1, 2) + little_endian(central.size(), 4) + little_endian(local.size(), 4) + little_endian(0, 2);
}

class Corpora {
 public:
  explicit Corpora(fs::path home) : home_(std::move(home)), scratch_(home_ / "scratch") {}

  void write(const std::vector<std::string>& programs) {
    write_arrays();
    write_graphs(programs);
    write_images();
    write_training();
    write_stores();
    fs::remove_all(scratch_);
  }

 private:
  void add(const std::string& reader, const std::string& bytes) {
    fs::create_directories(home_ / reader);
    std::ofstream(home_ / reader / std::to_string(added_++), std::ios::binary) << bytes;
  }
  void add_also_packed(const std::string& reader, const std::string& bytes) {
    add(reader, bytes);
    add(reader, deflated(bytes, Format::gzip));
  }

  // What `fill` puts into a file.
  template <class F>
  std::string made(const F& fill) {
    fs::remove_all(scratch_);
    fs::create_directories(scratch_);
    fill(scratch_ / "file");
    return contents(scratch_ / "file");
  }

  void add_array(const std::string& npy) {
    add_also_packed("npy", npy);
    for (const bool packed : {false, true}) add("npz", zip("a.npy", npy, packed));
  }
  void write_arrays() {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{0, 4}}) {
      add_array(made([&](const fs::path& file) { nn::write_npy(file, Array<float>::ones(shape)); }));
      add_array(made([&](const fs::path& file) { nn::write_npy(file, Array<double>::ones(shape)); }));
    }
    add_array(made([&](const fs::path& file) { nn::write_npy(file, std::vector<std::int64_t>{1, 2, 3}, {3}); }));
  }

  void write_graphs(const std::vector<std::string>& programs) {
    for (const std::string& program : programs) {
      const nn::ZipArchive archive(nn::read_raw_file(program), program);
      for (const auto& entry : archive.entries())
        if (entry.name.ends_with("models/model.json") || entry.name.ends_with("serialized_exported_program.json")) {
          const std::vector<std::uint8_t> graph = archive.unpack(entry);
          add("exported", std::string(graph.begin(), graph.end()));
        } else if (entry.name.ends_with(".pt")) {
          write_pickles(nn::ZipArchive(archive.unpack(entry), entry.name));
        }
    }
  }
  void write_pickles(const nn::ZipArchive& archive) {
    for (const auto& entry : archive.entries())
      if (entry.name.ends_with("data.pkl")) {
        const std::vector<std::uint8_t> pickle = archive.unpack(entry);
        add("pickle", std::string(pickle.begin(), pickle.end()));
      }
  }

  void write_images() {
    add_also_packed("idx", std::string("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh", 24));
    add_also_packed("idx", std::string("\0\0\x08\x01\0\0\0\2\1\2", 10));
    for (const std::string label : {"\3", "\3\7"}) add_also_packed("cifar", label + std::string(3072, '\x50'));
    std::string row;
    for (int i = 0; i < 64; ++i) row += std::to_string(i % 17) + ",";
    add_also_packed("digits", row + "7\n" + row + "1.0\r\n");
  }

  void write_training() {
    const auto params = fuzz::network().init<float>(1);
    for (const auto type : {nn::ElementType::f16, nn::ElementType::bf16, nn::ElementType::f32, nn::ElementType::f64})
      add("safetensors", made([&](const fs::path& file) {
            nn::save_parameters(params, file, {.type = type, .metadata = {{"format", "pt"}}});
          }));
    const Array<float> moments = Array<float>::ones({params.size()});
    nn::TrainingState<float> state{params, {}};
    for (int arrays = 0; arrays < 3; ++arrays) {
      if (arrays > 0) state.optimizer.first = moments;
      if (arrays > 1) state.optimizer.second = moments;
      if (arrays > 0) state.history.push_back({state.epoch++, 0.5, 0.75, 0.25, 1.0, 2.0});
      state.optimizer.steps += 10, state.done = 6, state.correct = 3, state.loss = 1.5;
      add("checkpoint", made([&](const fs::path& file) { nn::save_checkpoint(file, state, fuzz::settings); }));
    }
    add("metrics", made([&](const fs::path& file) {
          nn::MetricsFile lines(file);
          for (std::size_t epoch = 1; epoch < 4; ++epoch) {
            lines.write({.epoch = epoch, .step = 10 * epoch, .loss = 0.5, .accuracy = 0.75, .rate = 0.1});
            lines.write(nn::Epoch{epoch, 0.5, 0.75, 0.25, 1.0, 2.0}, 10 * epoch + 5);
          }
        }));
  }

  void write_stores() {
    using ntk::Strategy;
    const std::vector<ntk::store_format::Manifest> manifests = {
        {{{23, 23, 4, true}, 3, 3, 1},
         {Strategy::structured, 4, 12, 5, true, false},
         {{"readout", "full"}, {"tile", "4"}}},
        {{{6, 5, 6, false}, 1, 1, 10}, {Strategy::structured, 6, 6, 2, false, false}, {{"readout", "diagonal"}}},
        {{{8, 2, 4, false}, 1, 1, 1}, {Strategy::jacobian, 4, 8, 8, true, true}, {}},
        {{{8, 2, 4, false}, 2, 5, 1}, {Strategy::vector_products, 4, 8, 8, true, true}, {}}};
    for (const auto& manifest : manifests) add("manifest", ntk::store_format::text_of(manifest));
    const std::vector<ntk::feature_format::Manifest> features = {
        {69, 70, 15, false, {{"0.weight", 240, 40, 30, false}, {"0.bias", 40, 0, 40, true}}, {{"k", "70"}}},
        {1, 1, 1, true, {}, {}}};
    for (const auto& manifest : features) add("feature_manifest", ntk::feature_format::text_of(manifest));
    for (const std::size_t number : {0, 17, 123456}) add("tile", ntk::store_format::tile_name({number, 3}, "0f3a55b1"));
    for (const std::string name : {"full", "pseudo", "trace", "diagonal", "single:3", "signs:17", "signs:5x4"})
      add("readout", name);
  }

  fs::path home_, scratch_;
  int added_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: corpora FOLDER EXPORTED-PROGRAM...\n", stderr), 2;
  try {
    fs::remove_all(argv[1]);
    Corpora(argv[1]).write({argv + 2, argv + argc});
  } catch (const std::exception& failure) {
    std::cerr << "corpora: " << failure.what() << "\n";
    return 1;
  }
  return 0;
}
