// Archives of NumPy files: made by NumPy, made by hand, and damaged.
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/mutations.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255);
  return out;
}

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
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

// The entry of a file in the directory of an archive, which may be wrong.
struct Member {
  std::string name, bytes;
  bool pack = false;
  int method = -1;  // none: the right one
  int flags = 0;
  std::uint64_t unpacked = ~std::uint64_t{0};  // none: the right one
  std::uint32_t crc_change = 0;
};

std::string zip(const std::vector<Member>& members, const std::string& comment = "") {
  std::string files, directory;
  for (const Member& m : members) {
    const std::string packed = m.pack ? deflated(m.bytes) : m.bytes;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(m.bytes.data()), static_cast<uInt>(m.bytes.size())));
    const int method = m.method >= 0 ? m.method : m.pack ? 8 : 0;
    const std::uint64_t unpacked = ~m.unpacked ? m.unpacked : m.bytes.size();
    const std::string common = little(20, 2) + little(m.flags, 2) + little(method, 2) + little(0, 4) +
                               little(crc ^ m.crc_change, 4) + little(packed.size(), 4) + little(unpacked, 4) +
                               little(m.name.size(), 2) + little(0, 2);
    directory += "PK\1\2" + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) +
                 little(files.size(), 4) + m.name;
    files += "PK\3\4" + common + m.name + packed;
  }
  return files + directory + "PK\5\6" + little(0, 4) + little(members.size(), 2) + little(members.size(), 2) +
         little(directory.size(), 4) + little(files.size(), 4) + little(comment.size(), 2) + comment;
}

std::string npy(const std::string& descriptor, const std::string& shape, const std::string& elements) {
  const std::string text = "{'descr': '" + descriptor + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY\1\0", 8) + little(text.size(), 2) + text + elements;
}

const std::string two = npy("<f4", "(2,)", std::string("\0\0\x80\x3f\0\0\0\x40", 8));
const std::string bytes3 = npy("|u1", "(3, 1)", "\1\2\xff");

NpzFile opened(const std::string& file) { return NpzFile({file.begin(), file.end()}, "bad.npz"); }

}  // namespace

BOOST_AUTO_TEST_SUITE(npz)

BOOST_AUTO_TEST_CASE(what_numpy_writes) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  const auto folder = std::filesystem::path(source ? source : ".") / "tests" / "fixtures";
  for (const char* name : {"arrays.npz", "arrays_compressed.npz"}) {
    const NpzFile file = read_npz(folder / name);
    BOOST_TEST(
        (file.names() == std::vector<std::string>{"single", "whole", "half", "pixels", "flags", "scalar", "empty"}));
    const Array<double> single = file.get<double>("single");
    BOOST_TEST((single.shape() == Shape{40, 5}));
    for (std::size_t i = 0; i < single.size(); ++i) BOOST_TEST(single[i] == static_cast<double>(i) / 8 - 3);
    const Int64Values whole = file.integers("whole");
    BOOST_TEST((whole.values == std::vector<std::int64_t>{-5, 1 << 30, 7}));
    BOOST_TEST(file.get<double>("whole")[1] == 1 << 30);
    BOOST_TEST(file.get<float>("half")[1] == -0.25f);
    BOOST_TEST((file.array("pixels").shape() == Shape{2, 3, 4}));
    BOOST_TEST(file.get<float>("pixels")[23] == 230.0f);
    BOOST_TEST((file.integers("flags").values == std::vector<std::int64_t>{1, 0, 1}));
    BOOST_TEST(file.get<double>("scalar").item() == 0.1);
    BOOST_TEST((file.get<float>("empty").shape() == Shape{0, 3}));
    BOOST_TEST(!file.contains("other"));
  }
}

BOOST_AUTO_TEST_CASE(archives_stored_and_packed) {
  for (bool pack : {false, true}) {
    const NpzFile file =
        opened(zip({{"a.npy", two, pack}, {"readme.txt", "x"}, {"b/c.npy", bytes3, pack}}, "a comment"));
    BOOST_TEST((file.names() == std::vector<std::string>{"a", "b/c"}));
    BOOST_TEST(file.get<double>("a")[1] == 2.0);
    BOOST_TEST((file.integers("b/c").values == std::vector<std::int64_t>{1, 2, 255}));
    BOOST_TEST(file.get<float>("b/c")[2] == 255.0f);
    expect_error<data_error>([&] { file.get<float>("b/d"); }, {"bad.npz has no array 'b/d'", "Near: b/c"});
    expect_error<data_error>([&] { file.get<float>("readme.txt"); }, {"no array 'readme.txt'"});
    expect_error<data_error>([&] { file.integers("a"); }, {"bad.npz/a.npy", "'<f4', not whole numbers"});
  }
  BOOST_TEST(opened(zip({})).names().empty());
}

BOOST_AUTO_TEST_CASE(bad_archives_are_named_with_the_byte) {
  const std::string good = zip({{"a.npy", two}});
  std::string outside = good, no_header = good;
  outside.replace(good.size() - 22 - 46 - 5 + 42, 4, little(good.size(), 4));
  no_header[0] = 'Q';
  const std::vector<std::pair<std::string, std::vector<std::string_view>>> cases = {
      {"", {"byte 0", "not a ZIP archive: only 0 bytes"}},
      {std::string(100, 'x'), {"byte 0", "no ZIP archive"}},
      {good.substr(0, good.size() - 1), {"no ZIP archive, or one that is truncated"}},
      {good.substr(good.size() - 22), {"truncated"}},
      {outside, {"ends beyond the archive"}},
      {no_header, {"byte 0", "no header of a file"}},
      {zip({{"a.npy", two}, {"a.npy", two}}), {"'a.npy' occurs twice"}},
      {zip({{"a.npy", two, false, 12}}), {"packed by method 12"}},
      {zip({{"a.npy", two, false, -1, 1}}), {"'a.npy' is encrypted"}},
      {zip({{"a.npy", two, false, -1, 0, 1}}), {"cannot hold 1 bytes"}},
      {zip({{"a.npy", two, true, -1, 0, 4000000000}}), {"cannot hold 4000000000 bytes"}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) BOOST_TEST_CONTEXT("case " << i) {
      for (std::string_view part : cases[i].second)
        expect_error<data_error>([&] { opened(cases[i].first); }, {part, "bad.npz: byte "});
    }
  const auto unpacked = [](const Member& member) { opened(zip({member})).get<double>("a"); };
  const auto corrupt = [&](Member member) {
    expect_error<data_error>([&] { unpacked(member); }, {"bad.npz: byte 35", "'a.npy' is corrupt"});
  };
  unpacked({"a.npy", two});
  corrupt({"a.npy", two, false, -1, 0, ~std::uint64_t{0}, 1});
  corrupt({"a.npy", two, true, -1, 0, ~std::uint64_t{0}, 1});
  corrupt({"a.npy", two + "x", true, -1, 0, two.size()});
  corrupt({"a.npy", two.substr(0, 20), true, -1, 0, two.size()});
  for (const std::size_t size : {two.size() - 1, two.size() + 1})
    expect_error<data_error>(
        [&] {
          unpacked({"a.npy", two, true, -1, 0, size});
        },
        {"bad.npz/a.npy",
         "the header says " + std::to_string(two.size()) + " bytes, the archive " + std::to_string(size)});
  corrupt({"a.npy", two, false, 8, 0, two.size()});
  expect_error<data_error>([&] { unpacked({"a.npy", "x"}); }, {"bad.npz/a.npy", "not a NumPy file"});
  expect_error<data_error>([&] { unpacked({"a.npy", npy("<c8", "(1,)", two)}); }, {"'<c8'"});
  expect_error<data_error>([&] { unpacked({"a.npy", npy("|O", "(1,)", two)}); }, {"'|O'"});
}

BOOST_AUTO_TEST_CASE(mutants_load_or_are_refused) {
  const std::vector<std::string> files = {zip({{"a.npy", two}, {"b.npy", bytes3}}),
                                          zip({{"a.npy", two, true}}, "comment")};
  const auto readable = [](const std::string& bytes) {
    try {
      const NpzFile file = opened(bytes);
      for (const std::string& name : file.names()) file.get<double>(name);
      return true;
    } catch (const data_error&) {
      return false;
    }
  };
  for (const std::string& file : files) {
    BOOST_TEST(readable(file));
    const int accepted = mutate(file, byte_mutations(), 5000, readable);
    BOOST_TEST(accepted > 50);
    BOOST_TEST(accepted < 4000);
    for (std::size_t size = 0; size < file.size(); ++size) readable(file.substr(0, size));
  }
}

BOOST_AUTO_TEST_SUITE_END()
