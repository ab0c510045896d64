#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/testing.hpp"

/// Damage to files, which a reader must refuse or survive.
namespace xtangent::testing {

struct Mutation {
  std::string name;
  std::function<void(std::string&, Random&)> apply;
};

/// A random place in the file.
inline std::size_t place(const std::string& file, Random& random) {
  return file.empty() ? 0 : random.below(file.size());
}

inline std::string pick(Random& random, const std::vector<std::string>& choices) {
  return choices[random.below(choices.size())];
}

/// Damages the bytes without knowledge of the format.
inline std::vector<Mutation> byte_mutations() {
  return {
      {"flip a bit",
       [](std::string& file, Random& random) {
         if (file.empty()) return;
         char& byte = file[place(file, random)];
         byte = static_cast<char>(byte ^ 1 << random.below(8));
       }},
      {"another byte",
       [](std::string& file, Random& random) {
         if (!file.empty()) file[place(file, random)] = static_cast<char>(random.below(256));
       }},
      {"extreme bytes",
       [](std::string& file, Random& random) {
         const std::size_t at = place(file, random),
                           count = std::min<std::size_t>(1 + random.below(8), file.size() - at);
         file.replace(at, count, count, random.below(2) ? '\xff' : '\0');
       }},
      {"cut the end", [](std::string& file, Random& random) { file.resize(place(file, random)); }},
      {"cut a piece", [](std::string& file, Random& random) { file.erase(place(file, random), 1 + random.below(12)); }},
      {"repeat a piece",
       [](std::string& file, Random& random) {
         const std::string piece = file.substr(place(file, random), 1 + random.below(60));
         file.insert(place(file, random), piece);
       }},
      {"append", [](std::string& file, Random& random) { file.append(1 + random.below(20), '\0'); }},
  };
}

/// Makes `rounds` mutants of a file, with one to four mutations each, and passes them to `accepts`, which checks a
/// mutant and says whether it was accepted. Returns how many were accepted. The mutants are the same in every run.
inline int mutate(const std::string& file, const std::vector<Mutation>& mutations, int rounds,
                  const std::function<bool(const std::string&)>& accepts) {
  Random random(file);
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string mutant = file, done;
    for (std::size_t steps = 1 + random.below(4); steps > 0; --steps) {
      const Mutation& mutation = mutations[random.below(mutations.size())];
      mutation.apply(mutant, random);
      done += mutation.name + "; ";
    }
    BOOST_TEST_CONTEXT("round " << round << ": " << done) accepted += accepts(mutant);
  }
  return accepted;
}

}  // namespace xtangent::testing
