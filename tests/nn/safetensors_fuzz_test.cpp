// Files that lie: thousands of mutations of valid files either load, and then all of them is readable, or throw
// data_error. Run under the sanitizers, this finds every read outside of the file.
#include <cstring>

#include "autodiff/kernels/convert.hpp"
#include "nn/safetensors.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/mutations.hpp"
#include "tests/nn/safetensors_files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

std::vector<std::string> valid_files() {
  return {
      safetensors_file("{}", ""),
      safetensors_file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", std::string(8, '\1')),
      safetensors_file(
          R"({"__metadata__":{"format":"pt"},"fc.weight":{"dtype":"F16","shape":[3,2],"data_offsets":[0,12]},)"
          R"("fc.bias":{"dtype":"BF16","shape":[3],"data_offsets":[12,18]},)"
          R"("bn.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[18,26]}}   )",
          std::string(26, '\x40')),
      safetensors_file(R"({"e":{"dtype":"U8","shape":[0,3],"data_offsets":[0,0]},"m":{"dtype":"BOOL","shape":[1,1,1],)"
                       R"("data_offsets":[0,1]},"d":{"dtype":"F64","shape":[1,2],"data_offsets":[1,17]}})",
                       std::string(17, '\x7f')),
  };
}

// Replaces a whole number in the header.
void another_number(std::string& file, Random& random) {
  const std::size_t begin = file.find_first_of("0123456789", place(file, random));
  if (begin == std::string::npos) return;
  const std::size_t end = std::min(file.find_first_not_of("0123456789", begin), file.size());
  file.replace(begin, end - begin,
               pick(random, {"0",
                             "1",
                             "3",
                             "8",
                             "9",
                             "17",
                             "255",
                             "256",
                             "4294967295",
                             "4294967296",
                             "-1",
                             "1.5",
                             "1e3",
                             "9223372036854775807",
                             "9223372036854775808",
                             "18446744073709551608",
                             "18446744073709551615",
                             "18446744073709551616",
                             "99999999999999999999999",
                             "null",
                             "[]"}));
}

// Replaces a word of the format by another.
void another_word(std::string& file, Random& random) {
  const std::vector<std::string> words = {
      "F16",          "F32", "F64",     "BF16", "I64", "U8", "BOOL", "I32", "dtype", "shape", "data_offsets",
      "__metadata__", "a",   "fc.bias", ",",    ":",   "[",  "]",    "{",   "}",     "\""};
  const std::string word = pick(random, words);
  const std::size_t at = file.find(word, place(file, random));
  if (at != std::string::npos) file.replace(at, word.size(), pick(random, words));
}

// Adjusts the length to the header that is there, so that damage behind it is reached.
void honest_length(std::string& file, Random&) {
  const std::size_t brace = file.rfind("}}");
  if (file.size() < 8 || brace == std::string::npos || brace < 8) return;
  file.replace(0, 8, length_prefix(brace + 2 - 8));
}

// In place of the length of the header: one near the truth, or any.
void another_length(std::string& file, Random& random) {
  if (file.size() < 8) return;
  const std::uint64_t near = file.size() - 8 + random.below(5) - 2, any = random.bits() >> random.below(64);
  file.replace(0, 8, length_prefix(random.below(2) ? near : any));
}

std::vector<Mutation> mutations() {
  std::vector<Mutation> out = byte_mutations();
  out.insert(out.end(), {{"another length", another_length},
                         {"another number", another_number},
                         {"another word", another_word},
                         {"honest length", honest_length}});
  return out;
}

// Reads everything there is. Returns whether the file was accepted.
bool readable(const std::string& bytes) {
  try {
    const TensorFile file({bytes.begin(), bytes.end()}, "mutant");
    std::size_t size = 0;
    for (const TensorFile::Entry& entry : file.entries()) {
      size += entry.shape.size() * kernels::bytes_of(entry.type);
      try {
        BOOST_TEST((file.get<double>(entry.name).shape() == entry.shape));
        BOOST_TEST((file.get<float>(entry.name).shape() == entry.shape));
        if (!kernels::is_floating(entry.type)) BOOST_TEST(file.integers(entry.name).size() == entry.shape.size());
      } catch (const data_error&) {  // an element that is out of range
      }
    }
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    BOOST_TEST(size == bytes.size() - 8 - header);
    return true;
  } catch (const data_error&) {
    return false;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(safetensors_fuzz)

BOOST_AUTO_TEST_CASE(mutants_load_or_are_refused) {
  constexpr int rounds = 5000;
  for (const std::string& file : valid_files()) {
    BOOST_TEST(readable(file));
    const int accepted = mutate(file, mutations(), rounds, readable);
    // Both ends are reached: damage to elements and names is no lie about the format, most other damage is.
    BOOST_TEST(accepted > rounds / 500);
    BOOST_TEST(accepted < rounds / 2);
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  for (const std::string& file : valid_files())
    for (std::size_t size = 0; size < file.size(); ++size) BOOST_TEST(!readable(file.substr(0, size)));
}

BOOST_AUTO_TEST_CASE(every_single_byte_of_the_frame) {
  for (const std::string& file : valid_files())
    for (std::size_t at = 0; at < file.size(); ++at)
      for (int byte = 0; byte < 256; byte += 3) {
        std::string mutant = file;
        mutant[at] = static_cast<char>(byte);
        readable(mutant);
      }
}

BOOST_AUTO_TEST_SUITE_END()
