// Readers of CIFAR-10 and CIFAR-100 in their binary version.
#include "nn/data/cifar.hpp"

#include <numeric>

#include "nn/data/file.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;
namespace utf = boost::unit_test;

namespace {

// One record: labels, then an image whose byte i is first + i.
std::string record(const std::string& labels, int first) {
  std::string out = labels;
  for (int i = 0; i < 3072; ++i) out += static_cast<char>(first + i);
  return out;
}

const std::string ten = record("\7", 0) + record(std::string("\0", 1), 100) + record("\x9", 200);
const std::string hundred = record("\x13\x63", 0) + record(std::string("\0\0", 2), 1);

}  // namespace

BOOST_AUTO_TEST_SUITE(cifar)

BOOST_AUTO_TEST_CASE(records_plain_and_gzipped) {
  const TemporaryFolder folder;
  put(folder / "plain", ten);
  put(folder / "packed", gzipped(ten));
  for (const char* name : {"plain", "packed"}) {
    const LabeledImages read = load_cifar(folder / name);
    BOOST_TEST((read.labels == std::vector<std::size_t>{7, 0, 9}));
    BOOST_TEST(read.channels == 3u);
    BOOST_TEST(read.height == 32u);
    BOOST_TEST(read.width == 32u);
    BOOST_TEST(read.classes == 10u);
    BOOST_TEST(read.bytes[0] == 0u);
    BOOST_TEST(read.bytes[3071] == 3071u % 256);
    BOOST_TEST(read.bytes[3072] == 100u);
    BOOST_TEST(read.bytes[2 * 3072 + 5] == 205u);
    check(read);
  }
  put(folder / "100", hundred);
  const LabeledImages fine = load_cifar(folder / "100", CifarLabels::hundred);
  BOOST_TEST((fine.labels == std::vector<std::size_t>{99, 0}));
  BOOST_TEST(fine.classes == 100u);
  BOOST_TEST(fine.bytes[3072] == 1u);
  const LabeledImages coarse = load_cifar(folder / "100", CifarLabels::hundred_coarse);
  BOOST_TEST((coarse.labels == std::vector<std::size_t>{19, 0}));
  BOOST_TEST(coarse.classes == 20u);
}

BOOST_AUTO_TEST_CASE(bad_files_are_named_with_the_byte) {
  struct Case {
    std::string bytes;
    CifarLabels labels;
    std::vector<std::string_view> says;
  };
  const auto ten_labels = CifarLabels::ten;
  const std::string packed = gzipped(ten);
  const std::vector<Case> cases = {
      {"", ten_labels, {"byte 0", "no records"}},
      {"\1", ten_labels, {"byte 1", "record 0 is cut off after 1 of 3073 bytes"}},
      {ten.substr(0, 3 * 3073 - 1), ten_labels, {"byte 9218", "record 2 is cut off after 3072 of 3073"}},
      {ten + "\1\2", ten_labels, {"byte 9221", "record 3 is cut off after 2"}},
      {record("\xa", 0), ten_labels, {"byte 0", "label 10 of 10 classes"}},
      {record("\1", 0) + record("\xff", 0), ten_labels, {"byte 3073", "label 255 of 10"}},
      {hundred, ten_labels, {"cut off"}},
      {record("\x14\1", 0), CifarLabels::hundred_coarse, {"byte 0", "label 20 of 20"}},
      {record("\1\1", 0) + record("\1\x64", 0), CifarLabels::hundred, {"byte 3075", "label 100 of 100"}},
      {packed.substr(0, packed.size() / 2), ten_labels, {"packed byte", "truncated"}},
  };
  const TemporaryFolder folder;
  for (std::size_t i = 0; i < cases.size(); ++i) BOOST_TEST_CONTEXT("case " << i) {
      put(folder / "bad.bin", cases[i].bytes);
      for (std::string_view part : cases[i].says)
        expect_error<data_error>([&] { load_cifar(folder / "bad.bin", cases[i].labels); }, {part, "bad.bin"});
    }
}

BOOST_AUTO_TEST_CASE(folders_of_batches) {
  const TemporaryFolder folder;
  expect_error<data_error>([&] { load_cifar_folder(folder / "absent"); }, {"absent", "not a folder"});
  for (int batch = 1; batch <= 5; ++batch) {
    expect_error<data_error>([&] { load_cifar_folder(folder.path()); },
                             {"data_batch_" + std::to_string(batch) + ".bin, ", "is there"});
    const std::string bytes = record(std::string(1, static_cast<char>(batch)), batch);
    const std::string name = "data_batch_" + std::to_string(batch) + ".bin";
    if (batch % 2)
      put(folder / name, bytes);
    else
      put(folder / (name + ".gz"), gzipped(bytes));
  }
  expect_error<data_error>([&] { load_cifar_folder(folder.path()); }, {"test_batch.bin, test_batch.bin.gz"});
  put(folder / "test_batch.bin.gz", gzipped(ten));
  const TrainAndTest both = load_cifar_folder(folder.path());
  BOOST_TEST((both.train.labels == std::vector<std::size_t>{1, 2, 3, 4, 5}));
  BOOST_TEST(both.train.bytes[3 * 3072] == 4u);
  BOOST_TEST(both.test.count() == 3u);
  BOOST_TEST(both.train.name == "CIFAR-10");
  expect_error<data_error>([&] { load_cifar_folder(folder.path(), true); }, {"no superclasses"});

  const TemporaryFolder other;
  put(other / "train.bin", hundred);
  expect_error<data_error>([&] { load_cifar_folder(other.path()); }, {"test.bin, test.bin.gz"});
  put(other / "test.bin.gz", gzipped(record("\1\2", 0)));
  BOOST_TEST(load_cifar_folder(other.path()).train.labels[0] == 99u);
  BOOST_TEST(load_cifar_folder(other.path()).test.labels[0] == 2u);
  BOOST_TEST(load_cifar_folder(other.path(), true).test.labels[0] == 1u);
  BOOST_TEST(load_cifar_folder(other.path()).train.name == "CIFAR-100");
}

BOOST_AUTO_TEST_CASE(published_cifar10, *utf::precondition(Published{"cifar10"})) {
  const TrainAndTest both = load_cifar_folder(published("cifar10"));
  BOOST_TEST(both.train.count() == 50000u);
  BOOST_TEST(both.test.count() == 10000u);
  check(both.train);
  for (std::size_t label = 0; label < 10; ++label) {
    BOOST_TEST(std::count(both.train.labels.begin(), both.train.labels.end(), label) == 5000);
    BOOST_TEST(std::count(both.test.labels.begin(), both.test.labels.end(), label) == 1000);
  }
  // The statistics that are widely used, for red, green and blue.
  const std::vector<PixelScaling> scaling = channel_standardization(both.train);
  const double means[] = {0.49139968, 0.48215841, 0.44653091}, deviations[] = {0.24703223, 0.24348513, 0.26158784};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    BOOST_TEST(std::abs(scaling[channel].mean - means[channel]) < 1e-8);
    BOOST_TEST(std::abs(scaling[channel].deviation - deviations[channel]) < 1e-8);
  }
}

BOOST_AUTO_TEST_SUITE_END()
