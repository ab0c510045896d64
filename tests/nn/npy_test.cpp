#include "nn/data/npy.hpp"

#include <limits>

#include "nn/data/file.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

std::string contents(const std::filesystem::path& file) {
  const auto bytes = read_raw_file(file);
  return {bytes.begin(), bytes.end()};
}

// A .npy file with this dictionary as NumPy would write it.
std::string npy_file(const std::string& dictionary, const std::string& elements, char version = 1) {
  std::string out = "\x93NUMPY";
  out += {version, '\0', static_cast<char>(dictionary.size() + 1), '\0'};
  if (version > 1) out += std::string(2, '\0');
  return out + dictionary + "\n" + elements;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(npy)

BOOST_AUTO_TEST_CASE(bytes_are_what_numpy_writes) {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", Array<float>::from({2, 3}, {0, 1, 2, 3, 4, -0.5f}));
  // The bytes that numpy.save writes for the same array.
  std::string expected =
      std::string("\x93NUMPY\x01\x00\x76\x00", 10) + "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expected += std::string(127 - expected.size(), ' ') + "\n";
  expected += std::string("\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\0\0\0\xbf", 24);
  BOOST_TEST(contents(folder / "a.npy") == expected);
}

BOOST_AUTO_TEST_CASE(round_trips_keep_every_bit) {
  const TemporaryFolder folder;
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {0.1, -0.0, inf, 1e-310, 3, 4};
  for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{1, 1, 6, 1}, Shape{1, 1, 1, 1, 1, 1, 3, 2}}) {
    write_npy(folder / "d.npy", Array<double>::from(shape, values));
    const Array<double> back = read_npy<double>(folder / "d.npy");
    BOOST_TEST((back.shape() == shape));
    for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(back[i] == values[i]);
  }
  write_npy(folder / "s.npy", Array<double>::scalar(7));
  BOOST_TEST(read_npy<double>(folder / "s.npy").item() == 7.0);
  BOOST_TEST(read_npy<double>(folder / "s.npy").rank() == 0u);
  write_npy(folder / "e.npy", Array<float>(Shape{0, 3}));
  BOOST_TEST((read_npy<float>(folder / "e.npy").shape() == Shape{0, 3}));
  const std::vector<std::int64_t> whole = {-5, std::numeric_limits<std::int64_t>::max()};
  write_npy(folder / "i.npy", whole, {2});
  BOOST_TEST((read_npy_int64(folder / "i.npy").values == whole));
  BOOST_CHECK_THROW(write_npy(folder / "i.npy", whole, {3}), shape_error);
  BOOST_TEST(folder.files() == 4u);  // no temporary names are left
}

BOOST_AUTO_TEST_CASE(a_file_of_any_type_is_read) {
  const TemporaryFolder folder;
  const std::vector<std::int64_t> whole = {3, 0, 7};
  write_npy(folder / "i.npy", whole, {3, 1});
  BOOST_TEST((read_npy_file(folder / "i.npy").integers().values == whole));
  BOOST_TEST(read_npy_file(folder / "i.npy").get<float>()[2] == 7.0f);
  BOOST_TEST((read_npy_file(folder / "i.npy").shape() == Shape{3, 1}));
  write_npy(folder / "d.npy", Array<double>::from({1}, {0.5}));
  BOOST_TEST(read_npy_file(folder / "d.npy").get<float>()[0] == 0.5f);
  BOOST_CHECK_THROW(read_npy_file(folder / "d.npy").integers(), data_error);
  put(folder / "long.npy", contents(folder / "d.npy") + "x");
  BOOST_CHECK_THROW(read_npy_file(folder / "long.npy"), data_error);
  BOOST_CHECK_THROW(read_npy_file("/dev/zero"), data_error);
  BOOST_CHECK_THROW(read_npy_file(folder / "absent.npy"), data_error);
}

BOOST_AUTO_TEST_CASE(newer_formats_are_read) {
  const TemporaryFolder folder;
  put(folder / "v2.npy", npy_file("{'shape': (1,), 'fortran_order': False, 'descr': '<f4'}", {"\0\0\x80\x3f", 4}, 2));
  BOOST_TEST(read_npy<float>(folder / "v2.npy").item() == 1.0f);
}

BOOST_AUTO_TEST_CASE(bad_files_are_named_with_the_byte) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const std::string two(8, '\0');
  const std::vector<std::pair<std::string, std::vector<std::string_view>>> cases = {
      {"", {"byte 0", "not a NumPy file"}},
      {std::string(200, 'x'), {"byte 0", "not a NumPy file"}},
      {npy_file(good, two).substr(0, 40), {"byte 40", "header is truncated"}},
      {npy_file(good, two, 2).substr(0, 11), {"byte 11", "header is truncated"}},
      {npy_file(good, two, 9), {"byte 6", "format 9"}},
      {npy_file(good, two.substr(1)), {"truncated", "8 bytes", "7 present"}},
      {npy_file(good, two + "x"), {"1 trailing"}},
      {npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", two), {"'<f8'", "not '<f4'"}},
      {npy_file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", two), {"'>f4'"}},
      {npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", two), {"Fortran"}},
      {npy_file("{'descr': '<f4', 'shape': (2,), }", two), {"fortran_order"}},
      {npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", two), {"no tuple"}},
      {npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", two), {"no extents"}},
      {npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", two), {"more than 8"}},
      {npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", two), {"too large"}},
  };
  const TemporaryFolder folder;
  for (std::size_t i = 0; i < cases.size(); ++i) BOOST_TEST_CONTEXT("case " << i) {
      put(folder / "bad.npy", cases[i].first);
      for (std::string_view part : cases[i].second)
        expect_error<data_error>([&] { read_npy<float>(folder / "bad.npy"); }, {part});
      expect_error<data_error>([&] { read_npy<float>(folder / "bad.npy"); }, {"bad.npy"});
    }
  expect_error<data_error>([&] { read_npy<float>(folder / "absent.npy"); }, {"absent.npy", "No such file"});
}

// Files above 1 MiB are read by all threads, each to its place.
BOOST_AUTO_TEST_CASE(large_files_are_read_as_small_ones_are) {
  const TemporaryFolder folder;
  Array<double> values({1100, 1000});
  for (std::size_t i = 0; i < values.size(); ++i) values.mutable_data()[i] = 0.1 * static_cast<double>(i);
  write_npy(folder / "large.npy", values);
  const std::string good = contents(folder / "large.npy");
  BOOST_TEST(good.size() > std::size_t{8} << 20);
  const auto same = [&](const char* name) {
    const Array<double> back = read_npy<double>(folder / name);
    return back.shape() == values.shape() && std::equal(values.data(), values.data() + values.size(), back.data());
  };
  BOOST_TEST(same("large.npy"));
  put(folder / "packed.npy", gzipped(good));
  BOOST_TEST(same("packed.npy"));
  std::filesystem::create_symlink("large.npy", folder / "link.npy");
  BOOST_TEST(same("link.npy"));
  for (const auto& [bytes, part] :
       std::vector<std::pair<std::string, std::string_view>>{{good.substr(0, good.size() - 1), "8799999 present"},
                                                             {good + "x", "1 trailing"},
                                                             {std::string(good.size(), 'x'), "not a NumPy file"}}) {
    put(folder / "bad.npy", bytes);
    expect_error<data_error>([&] { read_npy<double>(folder / "bad.npy"); }, {"bad.npy", part});
  }
  expect_error<data_error>([&] { read_npy<float>(folder / "large.npy"); }, {"'<f8'", "not '<f4'"});
  BOOST_TEST(PartReader(folder / "large.npy").size() == good.size());
  BOOST_TEST(!PartReader(folder / "large.npy").read(good.size() - 7, 8, values.mutable_data()));
  BOOST_TEST(!PartReader(folder / "absent.npy").read(0, 1, values.mutable_data()));
  BOOST_TEST(!PartReader(folder.path()).read(0, 1, values.mutable_data()));
}

BOOST_AUTO_TEST_CASE(a_file_is_written_whole_or_not_at_all) {
  const TemporaryFolder folder;
  const Array<double> large = Array<double>::ones({1000});
  expect_error<data_error>([&] { write_npy(folder / "absent" / "a.npy", large); }, {"a.npy", "No such file"});
  std::filesystem::create_directory(folder / "occupied.npy");
  expect_error<data_error>([&] { write_npy(folder / "occupied.npy", large); }, {"occupied.npy", "is a folder"});
  BOOST_TEST(folder.files() == 1u);
  write_npy(folder / "a.npy", Array<double>::scalar(1));
  {
    const FileLimit full(4096);
    expect_error<data_error>([&] { write_npy(folder / "a.npy", large); }, {"a.npy", "cannot be written"});
    expect_error<data_error>([&] { write_npy(folder / "b.npy", large); }, {"b.npy", "cannot be written"});
  }
  BOOST_TEST(folder.files() == 2u);
  BOOST_TEST(read_npy<double>(folder / "a.npy").item() == 1.0);  // the older file is still whole
  write_npy(folder / "a.npy", large);
  BOOST_TEST(read_npy<double>(folder / "a.npy").size() == 1000u);
}

BOOST_AUTO_TEST_CASE(no_more_is_unpacked_than_the_header_says) {
  const TemporaryFolder folder;
  const std::string two = npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", std::string(8, '\0'));
  put(folder / "a.npy.gz", gzipped(two));
  BOOST_TEST(read_npy<float>(folder / "a.npy.gz").size() == 2u);
  // Behind what the header speaks of nothing is unpacked, so that a fault there is not seen.
  const auto refused = [&](const std::string& bytes, std::initializer_list<std::string_view> says) {
    const std::string packed = gzipped(bytes + std::string(1 << 22, '\0'));
    put(folder / "b.npy.gz", packed.substr(0, packed.size() / 2));
    expect_error<data_error>([&] { read_npy<float>(folder / "b.npy.gz"); }, says);
  };
  refused(two, {"byte 76", "trailing bytes"});
  refused("", {"byte 0", "not a NumPy file"});
  refused(npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (524288,), }", ""), {"'<f8', not '<f4'"});
  refused(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }", ""),
          {"its header says 40000000073 bytes", "cannot hold"});
  std::string wide = npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "", 2);
  wide[11] = '\1';
  refused(wide, {"byte 8", "a header of 16777274 bytes"});
}

BOOST_AUTO_TEST_SUITE_END()
