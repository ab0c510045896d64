#include <numeric>
#include <set>
#include <vector>

#include "nn/data/digits.hpp"
#include "nn/data/file.hpp"
#include "nn/data/idx.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;
namespace utf = boost::unit_test;

namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string idx(std::uint32_t magic, std::initializer_list<std::uint32_t> extents, const std::string& elements) {
  std::string out = big_endian(magic);
  for (std::uint32_t extent : extents) out += big_endian(extent);
  return out + elements;
}

// Three images of 2 x 3 pixels, 0 to 17, with labels 1, 0, 9.
const std::string three_pixels = [] {
  std::string out(18, '\0');
  std::iota(out.begin(), out.end(), '\0');
  return out;
}();
const std::string three_images = idx(2051, {3, 2, 3}, three_pixels);
const std::string three_labels = idx(2049, {3}, std::string("\1\0\x9", 3));

std::string digit_row(const std::string& pixel, const std::string& label) {
  std::string out;
  for (int i = 0; i < 64; ++i) out += pixel + ",";
  return out + label + "\n";
}

double mean(const LabeledImages& images) {
  double sum = 0;
  for (auto byte : images.bytes) sum += byte;
  return sum / static_cast<double>(images.bytes.size());
}

void check_first_labels(const LabeledImages& images, const std::vector<std::size_t>& expected) {
  const std::vector<std::size_t> first(images.labels.begin(),
                                       images.labels.begin() + static_cast<std::ptrdiff_t>(expected.size()));
  BOOST_TEST(first == expected, boost::test_tools::per_element());
}

// Twenty images of one pixel: image i has byte i and label i % 3.
LabeledImages twenty() {
  LabeledImages out{std::vector<std::uint8_t>(20), std::vector<std::size_t>(20), 1, 1, 1, 3, 255, "", "", ""};
  std::iota(out.bytes.begin(), out.bytes.end(), std::uint8_t(0));
  for (std::size_t i = 0; i < 20; ++i) out.labels[i] = i % 3;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data)

BOOST_AUTO_TEST_CASE(idx_plain_and_gzipped_whatever_the_name) {
  const TemporaryFolder folder;
  put(folder / "images", three_images);
  put(folder / "labels.gz", three_labels);
  put(folder / "packed", gzipped(three_images));
  put(folder / "members", gzipped(three_images.substr(0, 7)) + gzipped(three_images.substr(7)));
  for (const char* name : {"images", "packed", "members"}) {
    const LabeledImages read = load_idx(folder / name, folder / "labels.gz");
    BOOST_TEST(read.count() == 3u);
    BOOST_TEST(read.channels == 1u);
    BOOST_TEST(read.height == 2u);
    BOOST_TEST(read.width == 3u);
    BOOST_TEST(read.classes == 10u);
    BOOST_TEST((read.bytes == std::vector<std::uint8_t>(three_pixels.begin(), three_pixels.end())));
    BOOST_TEST((read.labels == std::vector<std::size_t>{1, 0, 9}));
    check(read);
  }
}

BOOST_AUTO_TEST_CASE(bad_idx_files_are_named_with_the_byte) {
  const std::string packed = gzipped(three_images);
  std::string corrupt = packed, checksum = packed;
  corrupt[12] = static_cast<char>(corrupt[12] ^ 0xff);
  checksum[checksum.size() - 6] = static_cast<char>(checksum[checksum.size() - 6] ^ 1);
  struct Case {
    std::string images, labels;
    std::vector<std::string_view> says;
  };
  const std::vector<Case> cases = {
      {"", three_labels, {"images", "byte 0", "no IDX header"}},
      {three_images.substr(0, 3), three_labels, {"images", "byte 0", "no IDX header"}},
      {three_images.substr(0, 15), three_labels, {"images", "byte 15", "header", "truncated"}},
      {three_images.substr(0, 33), three_labels, {"images", "byte 33", "truncated", "18", "17"}},
      {three_images + "x", three_labels, {"images", "byte 34", "1 trailing"}},
      {three_labels, three_labels, {"images", "byte 0", "magic 2049 instead of 2051", "swapped"}},
      {three_images, three_images, {"labels", "byte 0", "magic 2051 instead of 2049"}},
      {three_images, three_labels.substr(0, 9), {"labels", "byte 9", "truncated"}},
      {three_images, three_labels + "xx", {"labels", "byte 11", "2 trailing"}},
      {three_images, idx(2049, {2}, "\1\1"), {"labels", "byte 4", "2 labels for 3 images"}},
      {three_images, idx(2049, {3}, "\1\1\xa"), {"labels", "byte 10", "label 10 of 10"}},
      {idx(2051, {0, 2, 3}, ""), three_labels, {"images", "byte 4", "extent 0"}},
      {idx(2051, {0xffffffff, 0xffffffff, 0xffffffff}, ""), three_labels, {"images", "too large"}},
      {idx(2051, {0xffffffff, 2, 3}, ""), three_labels, {"images", "truncated"}},
      {packed.substr(0, packed.size() - 3), three_labels, {"images", "truncated"}},
      {packed.substr(0, 2), three_labels, {"images", "packed byte 2", "truncated"}},
      {corrupt, three_labels, {"images", "packed byte", "corrupt gzip"}},
      {checksum, three_labels, {"images", "packed byte", "corrupt gzip"}},
      {packed + "xx", three_labels, {"images", "trailing bytes after the gzip stream"}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    BOOST_TEST_CONTEXT("case " << i) {
      const TemporaryFolder folder;
      put(folder / "images", cases[i].images);
      put(folder / "labels", cases[i].labels);
      for (std::string_view part : cases[i].says)
        expect_error<data_error>([&] { load_idx(folder / "images", folder / "labels"); }, {part});
    }
  }
}

BOOST_AUTO_TEST_CASE(a_folder_says_which_names_it_looked_for) {
  const TemporaryFolder folder;
  expect_error<data_error>([&] { load_idx_folder(folder / "absent"); }, {"absent", "not a folder"});
  expect_error<data_error>([&] { load_idx_folder(folder.path()); },
                           {"train-images-idx3-ubyte, ", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"});
  put(folder / "train-images-idx3-ubyte", three_images);
  put(folder / "train-labels.idx1-ubyte.gz", gzipped(three_labels));
  expect_error<data_error>([&] { load_idx_folder(folder.path()); }, {"t10k-images-idx3-ubyte"});
  put(folder / "t10k-images-idx3-ubyte.gz", gzipped(three_images));
  put(folder / "t10k-labels-idx1-ubyte", three_labels);
  const TrainAndTest both = load_idx_folder(folder.path());
  BOOST_TEST(both.train.count() == 3u);
  BOOST_TEST(both.train.name == folder.path().filename().string());
  BOOST_TEST((both.test.labels == both.train.labels));
  put(folder / "t10k-images-idx3-ubyte.gz", idx(2051, {3, 3, 2}, three_pixels));
  expect_error<data_error>([&] { load_idx_folder(folder.path()); }, {"2 x 3", "3 x 2"});
}

BOOST_AUTO_TEST_CASE(unreadable_files) {
  const TemporaryFolder folder;
  expect_error<data_error>([&] { read_file(folder / "absent", 1); }, {"absent", "No such file"});
  expect_error<data_error>([&] { read_file(folder.path(), 1); }, {"is a folder"});
  put(folder / "bomb", gzipped(std::string(1 << 20, 'x')));
  expect_error<data_error>([&] { read_file(folder / "bomb", 1000 * 1000); }, {"bomb", "unpacks to more than 1000000"});
  BOOST_TEST(read_file(folder / "bomb", 1 << 20).size() == std::size_t(1) << 20);
  put(folder / "large", std::string(2000, 'x'));
  expect_error<data_error>([&] { read_file(folder / "large", 1999); }, {"more than 1999"});
  expect_error<data_error>([] { read_file("/dev/zero", 1999); }, {"more than 1999"});
  expect_error<data_error>([] { read_raw_file("/dev/zero"); }, {"/dev/zero", "no regular file"});
}

BOOST_AUTO_TEST_CASE(no_more_is_unpacked_than_the_header_says) {
  // Behind what the header speaks of nothing is unpacked, so that a fault there is not seen.
  const auto cut_bomb = [](const std::string& beginning) {
    const std::string packed = gzipped(beginning + std::string(1 << 22, '\0'));
    return packed.substr(0, packed.size() / 2);
  };
  const TemporaryFolder folder;
  put(folder / "labels", three_labels);
  const auto refused = [&](const std::string& images, std::initializer_list<std::string_view> says) {
    put(folder / "images", images);
    expect_error<data_error>([&] { load_idx(folder / "images", folder / "labels"); }, says);
  };
  refused(cut_bomb(""), {"images", "byte 0", "magic 0 instead of 2051"});
  refused(cut_bomb(three_images), {"images", "byte 34", "trailing bytes"});
  refused(cut_bomb(idx(2051, {3, 9999, 9999}, "")), {"images", "its header says 299940019 bytes", "cannot hold"});
  refused(gzipped(three_images + "xx"), {"images", "byte 34", "trailing bytes"});
  put(folder / "labels", cut_bomb(three_labels));
  put(folder / "images", three_images);
  expect_error<data_error>([&] { load_idx(folder / "images", folder / "labels"); }, {"labels", "byte 11", "trailing"});
  // Data of 5 GB in the terms of the header, in a file that has as much room for them and next to no blocks.
  put(folder / "images", idx(2051, {50000, 1000, 100}, ""));
  std::filesystem::resize_file(folder / "images", 16 + 5'000'000'000);
  expect_error<data_error>([&] { load_idx(folder / "images", folder / "labels"); },
                           {"its header says 5000000016 bytes", "at most 4294967296"});
}

BOOST_AUTO_TEST_CASE(digits_rows) {
  const TemporaryFolder folder;
  put(folder / "plain", digit_row("16", "9") + digit_row("0.0", "3.0"));
  put(folder / "windows.gz", gzipped(digit_row("16", "9").substr(0, 64 * 3 + 1) + "\r\n" + digit_row("0", "3") + "\n"));
  for (const char* name : {"plain", "windows.gz"}) {
    const LabeledImages read = load_digits(folder / name);
    BOOST_TEST((read.labels == std::vector<std::size_t>{9, 3}));
    BOOST_TEST(read.image_size() == 64u);
    BOOST_TEST(mean(read) == 8.0);
    BOOST_TEST(read.license == "CC BY 4.0");
    check(read);
  }
}

BOOST_AUTO_TEST_CASE(bad_digits_are_named_with_row_and_byte) {
  const std::string good = digit_row("1", "2");
  const std::vector<std::pair<std::string, std::vector<std::string_view>>> cases = {
      {"", {"row 1", "no rows"}},
      {"\n\n", {"empty row"}},
      {good + "\n" + good, {"row 2", "byte 130", "an empty row"}},
      {good + "1,2,3\n", {"row 2", "byte 134", "3 fields instead of 65"}},
      {good.substr(0, 129) + ",7\n", {"row 1", "more than 65"}},
      {good.substr(0, 100), {"row 1", "instead of 65"}},
      {"1,x" + good.substr(3), {"row 1, byte 2", "field 2", "\"x\"", "0 to 16"}},
      {"1,1 " + good.substr(3), {"field 2"}},
      {"17" + good.substr(1), {"field 1", "0 to 16"}},
      {"-1" + good.substr(1), {"field 1"}},
      {"1.5" + good.substr(1), {"field 1", "whole number"}},
      {"nan" + good.substr(1), {"field 1"}},
      {good.substr(1), {"field 1", "\"\""}},
      {digit_row("1", "10"), {"row 1, byte 128", "field 65", "0 to 9"}},
      {digit_row("1", ""), {"field 65"}},
      {std::string("\0\1\2", 3), {"row 1"}},
  };
  const TemporaryFolder folder;
  for (std::size_t i = 0; i < cases.size(); ++i) BOOST_TEST_CONTEXT("case " << i) {
      put(folder / "bad.csv", cases[i].first);
      for (std::string_view part : cases[i].second)
        expect_error<data_error>([&] { load_digits(folder / "bad.csv"); }, {part});
      expect_error<data_error>([&] { load_digits(folder / "bad.csv"); }, {"bad.csv"});
    }
  expect_error<data_error>([&] { load_digits_folder(folder.path()); }, {"optdigits.tra", "optdigits.tra.gz"});
}

BOOST_AUTO_TEST_CASE(bytes_become_numbers_on_request) {
  LabeledImages images{{0, 4, 8, 16, 16, 16}, {1, 0}, 3, 1, 1, 2, 16, "", "", ""};
  const Array<double> all = pixels<double>(images, ImageLayout::planes);
  BOOST_TEST((all.shape() == Shape{2, 3, 1, 1}));
  BOOST_TEST(all[1] == 0.25);
  const std::size_t chosen[] = {1, 0, 1};
  const Array<float> flat = pixels<float>(images, chosen, ImageLayout::flat, {0.5, 0.25});
  BOOST_TEST((flat.shape() == Shape{3, 3}));
  const std::vector<float> expected = {2, 2, 2, -2, -1, 0, 2, 2, 2};
  for (std::size_t i = 0; i < 9; ++i) BOOST_TEST(flat[i] == expected[i]);
  const std::size_t outside[] = {0, 2};
  expect_error<data_error>([&] { pixels<double>(images, outside, ImageLayout::flat); }, {"image 2 of 2"});
  expect_error<data_error>([&] { pixels<double>(images, ImageLayout::flat, {0.0, 0.0}); }, {"deviation"});
  BOOST_TEST((pixels<double>(images, {}, ImageLayout::flat).shape() == Shape{0, 3}));

  const Array<double> standard = pixels<double>(images, ImageLayout::flat, standardization(images));
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    sum += standard[i];
    squares += standard[i] * standard[i];
  }
  BOOST_TEST(std::abs(sum) < 1e-13);
  BOOST_TEST(std::abs(squares - 6) < 1e-13);
  images.bytes.assign(6, 3);
  expect_error<data_error>([&] { standardization(images); }, {"all pixels are equal"});
  images.bytes[5] = 17;
  expect_error<data_error>([&] { check(images); }, {"exceeds the full intensity"});
  images.bytes.pop_back();
  expect_error<data_error>([&] { check(images); }, {"5 bytes for 2 labels"});
}

BOOST_AUTO_TEST_CASE(labels_as_one_hot) {
  const std::size_t labels[] = {2, 0};
  const Array<float> rows = one_hot<float>(labels, 3);
  BOOST_TEST((rows.shape() == Shape{2, 3}));
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(rows[i] == (i == 2 || i == 3 ? 1.0f : 0.0f));
  expect_error<data_error>([&] { one_hot<float>(labels, 2); }, {"label 2 of 2"});
}

BOOST_AUTO_TEST_CASE(shuffles_are_permutations_fixed_by_the_seed) {
  const auto order = shuffled_indices(1000, 7);
  BOOST_TEST((shuffled_indices(1000, 7) == order));
  BOOST_TEST((shuffled_indices(1000, 8) != order));
  BOOST_TEST(std::set<std::size_t>(order.begin(), order.end()).size() == 1000u);
  BOOST_TEST(*std::max_element(order.begin(), order.end()) == 999u);
  BOOST_TEST(shuffled_indices(0, 7).empty());
  // The mean displacement of a random permutation is a third of its length.
  double displacement = 0;
  for (std::size_t i = 0; i < 1000; ++i)
    displacement += std::abs(static_cast<double>(order[i]) - static_cast<double>(i)) / 1000;
  BOOST_TEST(displacement > 300.0);
  BOOST_TEST(displacement < 366.0);
}

BOOST_AUTO_TEST_CASE(splits_keep_every_image_once_and_classes_in_proportion) {
  const LabeledImages images = twenty();
  for (std::size_t n_test : {1u, 6u, 19u}) {
    const TrainAndTest parts = split(images, n_test, 3);
    BOOST_TEST(parts.test.count() == n_test);
    std::multiset<std::size_t> seen(parts.train.bytes.begin(), parts.train.bytes.end());
    seen.insert(parts.test.bytes.begin(), parts.test.bytes.end());
    BOOST_TEST(seen.size() == 20u);
    BOOST_TEST(std::set<std::size_t>(seen.begin(), seen.end()).size() == 20u);
    for (std::size_t i = 0; i < n_test; ++i) BOOST_TEST(parts.test.labels[i] == parts.test.bytes[i] % 3u);
  }
  const TrainAndTest parts = split(images, 6, 3);
  for (std::size_t label = 0; label < 3; ++label)
    BOOST_TEST(std::count(parts.test.labels.begin(), parts.test.labels.end(), label) == 2);
  BOOST_TEST((split(images, 6, 3).test.bytes == parts.test.bytes));
  BOOST_TEST((split(images, 6, 4).test.bytes != parts.test.bytes));
  // Classes are mixed in both parts: of 14 and 6 images in random order, few have the class of the one before.
  for (const LabeledImages& part : {parts.train, parts.test}) {
    std::size_t repeated = 0;
    for (std::size_t i = 1; i < part.count(); ++i) repeated += part.labels[i] == part.labels[i - 1];
    BOOST_TEST(repeated <= (part.count() - 1) / 2);
  }
  expect_error<data_error>([&] { split(images, 0, 3); }, {"0 test images of 20"});
  expect_error<data_error>([&] { split(images, 20, 3); }, {"20 test images of 20"});
}

BOOST_AUTO_TEST_CASE(balanced_choices) {
  const LabeledImages images = twenty();  // 7, 7 and 6 images of the classes
  for (std::size_t count : {1u, 9u, 20u}) {
    const auto chosen = balanced_indices(images, count, 5);
    BOOST_TEST(std::set<std::size_t>(chosen.begin(), chosen.end()).size() == count);
    std::vector<std::size_t> of_class(3);
    for (std::size_t index : chosen) ++of_class[images.labels[index]];
    BOOST_TEST(*std::max_element(of_class.begin(), of_class.end()) <=
               *std::min_element(of_class.begin(), of_class.end()) + 1);
  }
  expect_error<data_error>([&] { balanced_indices(images, 21, 5); }, {"21 of 20"});
  expect_error<data_error>([&] { balanced_indices(images, 0, 5); }, {"0 of 20"});
}

BOOST_AUTO_TEST_CASE(published_mnist, *utf::precondition(Published{"mnist"})) {
  const TrainAndTest both = load_idx_folder(published("mnist"));
  BOOST_TEST(both.train.name == "MNIST");
  BOOST_TEST(both.test.name == "MNIST");
  BOOST_TEST(both.train.count() == 60000u);
  BOOST_TEST(both.test.count() == 10000u);
  BOOST_TEST(both.train.image_size() == 784u);
  BOOST_TEST(mean(both.train) == 33.318421449829934, boost::test_tools::tolerance(1e-13));
  BOOST_TEST(mean(both.test) == 33.791224489795916, boost::test_tools::tolerance(1e-13));
  check_first_labels(both.train, {5, 0, 4, 1, 9, 2, 1, 3, 1, 4});
  check_first_labels(both.test, {7, 2, 1, 0, 4, 1, 4, 9, 5, 9});
  check(both.train);
}

BOOST_AUTO_TEST_CASE(published_fashion_mnist, *utf::precondition(Published{"fashion-mnist"})) {
  const TrainAndTest both = load_idx_folder(published("fashion-mnist"));
  BOOST_TEST(both.train.name == "Fashion-MNIST");
  BOOST_TEST(both.train.license == "MIT, Copyright (c) 2017 Zalando SE");
  BOOST_TEST(both.train.count() == 60000u);
  BOOST_TEST(mean(both.train) == 72.94035223214286, boost::test_tools::tolerance(1e-13));
  check_first_labels(both.train, {9, 0, 0, 3, 0, 2, 7, 2, 5, 5});
  for (std::size_t label = 0; label < 10; ++label)
    BOOST_TEST(std::count(both.train.labels.begin(), both.train.labels.end(), label) == 6000);
}

BOOST_AUTO_TEST_CASE(published_digits, *utf::precondition(Published{"digits"})) {
  const TrainAndTest both = load_digits_folder(published("digits"));
  BOOST_TEST(both.train.count() == 3823u);
  BOOST_TEST(both.test.count() == 1797u);
  BOOST_TEST(mean(both.train) == 4.923971684540937, boost::test_tools::tolerance(1e-13));
  BOOST_TEST(mean(both.test) == 4.884164579855314, boost::test_tools::tolerance(1e-13));
  check_first_labels(both.train, {0, 0, 7, 4, 6, 2, 5, 5, 0, 8});
  check_first_labels(both.test, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

BOOST_AUTO_TEST_SUITE_END()
