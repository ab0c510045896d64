// How a kernel is divided among processes: fixed parts, and claims that are taken, released and taken over.
#include "ntk/computation/claims.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ntk/computation/division.hpp"
#include "ntk/computation/store_folder.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/claimants.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;

namespace {

/// Sets variables of the environment, and takes away all others that say which of several processes this is.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& set) {
    for (const char* name :
         {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "SLURM_PROCID", "SLURM_NTASKS",
          "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"})
      ::unsetenv(name);
    for (const auto& [name, value] : set) ::setenv(name.c_str(), value.c_str(), 1);
    names_ = set;
  }
  ~Environment() {
    for (const auto& [name, value] : names_) ::unsetenv(name.c_str());
  }

 private:
  std::map<std::string, std::string> names_;
};

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void wait_a_little() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

// Calls f until it is true, for at most a minute.
bool comes_true(const std::function<bool()>& f) {
  for (int i = 0; i < 30000; ++i) {
    if (f()) return true;
    wait_a_little();
  }
  return false;
}

// How many of eight threads succeed, each with a Claims of its own, that all begin at once.
int takers(const fs::path& folder, const std::string& name) {
  std::vector<std::unique_ptr<ntk::Claims>> all;
  for (int i = 0; i < 8; ++i) all.push_back(std::make_unique<ntk::Claims>(folder, sharing_by_claims()));
  std::atomic<int> ready = 0, took = 0;
  std::vector<std::jthread> threads;
  for (auto& one : all)
    threads.emplace_back([&] {
      for (++ready; ready < 8;) std::this_thread::yield();
      for (int i = 0; i < 3; ++i)  // whoever has taken it does not ask again, because it would release it first
        if (one->take(name)) {
          ++took;
          break;
        }
    });
  threads.clear();
  return took;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(claims)

BOOST_AUTO_TEST_CASE(parts_in_words) {
  BOOST_TEST((ntk::parse_shard("1/1") == ntk::Shard{0, 1}));
  BOOST_TEST((ntk::parse_shard("2/4") == ntk::Shard{1, 4}));
  BOOST_TEST((ntk::parse_shard("4/4") == ntk::Shard{3, 4}));
  for (const char* wrong : {"", "/", "0/4", "5/4", "2", "2/", "/4", "2/4/6", "-1/4", "2/x", "1.0/2", " 1/2", "two"})
    expect_error<option_error>([&] { ntk::parse_shard(wrong); }, {"[shard]", wrong, "2/4"});
}

BOOST_AUTO_TEST_CASE(parts_by_the_environment) {
  const auto part = [](const std::map<std::string, std::string>& set) {
    const Environment environment(set);
    return ntk::parse_shard("auto");
  };
  BOOST_TEST((part({{"SLURM_PROCID", "2"}, {"SLURM_NTASKS", "4"}}) == ntk::Shard{2, 4}));
  BOOST_TEST((part({{"PMI_RANK", "0"}, {"PMI_SIZE", "3"}}) == ntk::Shard{0, 3}));
  // mpirun starts its own daemons by srun, so the rank is that of MPI.
  BOOST_TEST((part({{"SLURM_PROCID", "0"},
                    {"SLURM_NTASKS", "2"},
                    {"OMPI_COMM_WORLD_RANK", "5"},
                    {"OMPI_COMM_WORLD_SIZE", "8"}}) == ntk::Shard{5, 8}));
  std::map<std::string, std::string> array = {{"SLURM_ARRAY_TASK_ID", "7"},
                                              {"SLURM_ARRAY_TASK_COUNT", "4"},
                                              {"SLURM_ARRAY_TASK_MIN", "1"},
                                              {"SLURM_ARRAY_TASK_STEP", "2"}};
  BOOST_TEST((part(array) == ntk::Shard{3, 4}));
  array.insert({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}});
  BOOST_TEST((part(array) == ntk::Shard{7, 8}));
  array["SLURM_ARRAY_TASK_ID"] = "9";
  expect_error<option_error>([&] { part(array); }, {"task 9 is none of 4 tasks from 1"});
  expect_error<option_error>([&] { part({}); }, {"no variable says"});
  expect_error<option_error>([&] { part({{"PMI_RANK", "3"}, {"PMI_SIZE", "3"}}); }, {"PMI_RANK is 3", "PMI_SIZE is 3"});
  expect_error<option_error>([&] { part({{"PMI_RANK", "one"}, {"PMI_SIZE", "3"}}); }, {"PMI_RANK is 'one'"});
}

BOOST_AUTO_TEST_CASE(parts_cover_everything_once) {
  for (const bool symmetric : {true, false})
    for (const auto& [rows, edge, panel] :
         {std::array<std::size_t, 3>{1, 1, 1}, {23, 4, 8}, {23, 4, 24}, {100, 7, 21}}) {
      const std::size_t columns = symmetric ? rows : 2 * rows + 1;
      const std::vector<ntk::Panel> panels = ntk::panels_of({rows, columns, edge, symmetric}, panel);
      std::vector<std::size_t> entries;  // of each piece
      for (const ntk::Panel& p : panels)
        for (const ntk::ColumnOfTiles& c : p.columns) entries.push_back(c.rows.size() * c.examples.size());
      const std::size_t largest = *std::max_element(entries.begin(), entries.end());
      const std::size_t all = std::accumulate(entries.begin(), entries.end(), std::size_t{0});
      for (const std::size_t count : {1, 2, 3, 7, 64}) {
        std::size_t next = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const Range own = ntk::pieces_of({i, count}, panels);
          BOOST_TEST(own.first == next);
          next = own.last;
          std::size_t sum = 0;
          for (std::size_t k = own.first; k < own.last; ++k) sum += entries[k];
          BOOST_TEST(sum <= all / count + largest + 1);
        }
        BOOST_TEST(next == entries.size());
      }
    }
}

BOOST_AUTO_TEST_CASE(texts_of_claims) {
  ntk::Claimant one = ntk::this_process();
  one.beat = 17;
  BOOST_TEST((one.process == ::getpid() && !one.host.empty() && one.token.size() == 16));
  BOOST_TEST(ntk::this_process().token != one.token);
  const std::string text = one.text();
  BOOST_TEST((ntk::parse_claim(text) == one));
  for (std::size_t n = 0; n < text.size(); ++n) BOOST_TEST(!ntk::parse_claim(text.substr(0, n)), text.substr(0, n));
  for (const std::string& wrong : {text + "x", "x" + text, text + text, std::string(64, '\0'), std::string("{}")})
    BOOST_TEST(!ntk::parse_claim(wrong), wrong);
  ntk::Claimant two = one;
  two.process = -5;
  BOOST_TEST((ntk::parse_claim(two.text()) == two && !ntk::is_gone(two)));
}

BOOST_AUTO_TEST_CASE(only_processes_that_can_be_seen_are_gone) {
  ntk::Claimant one = ntk::this_process();
  BOOST_TEST(!ntk::is_gone(one));
  one.process = dead_process();
  BOOST_TEST(ntk::is_gone(one));
  for (std::string ntk::Claimant::*field : {&ntk::Claimant::host, &ntk::Claimant::boot, &ntk::Claimant::space}) {
    ntk::Claimant other = one;
    other.*field += "2";
    BOOST_TEST(!ntk::is_gone(other));
  }
}

BOOST_AUTO_TEST_CASE(one_process_gets_a_claim) {
  const TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) BOOST_TEST(takers(folder.path(), std::to_string(round)) == 1);
  BOOST_TEST(folder.files() == 0u);  // all were released
}

BOOST_AUTO_TEST_CASE(one_process_gets_the_claim_of_a_dead_one) {
  const TemporaryFolder folder;
  ntk::Claimant dead = ntk::this_process();
  dead.process = dead_process();
  for (int round = 0; round < 20; ++round) {
    put(folder / "claim-a", dead.text());
    put(folder / "claim-a.1", dead.text());  // and that of one that had taken it over
    BOOST_TEST(takers(folder.path(), "a") == 1);
    BOOST_TEST(folder.files() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_claim_is_held_released_and_seen) {
  const TemporaryFolder folder;
  ntk::Claims one(folder.path(), sharing_by_claims()), two(folder.path(), sharing_by_claims());
  BOOST_TEST(one.take("00001-00002"));
  BOOST_TEST(contents(folder / "claim-00001-00002").starts_with("xtangent claim, 1\nhost "));
  BOOST_TEST(!two.take("00001-00002"));
  BOOST_TEST(two.take("00001-00003"));
  one.release();
  BOOST_TEST(!fs::exists(folder / "claim-00001-00002"));
  BOOST_TEST(two.take("00001-00002"));  // and gives the other one up
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(a_claim_that_beats_is_not_taken) {
  const TemporaryFolder folder;
  ntk::Claims one(folder.path(), sharing_by_claims(0.05)), two(folder.path(), sharing_by_claims(60));
  BOOST_TEST(one.take("a"));
  const auto beat = [&] {
    const auto claimant = ntk::parse_claim(contents(folder / "claim-a"));
    return claimant ? claimant->beat : 0;
  };
  BOOST_TEST(comes_true([&] {
    BOOST_REQUIRE(!two.take("a"));
    return beat() >= 20;
  }));
}

BOOST_AUTO_TEST_CASE(a_claim_that_does_not_change_is_taken_over_after_a_time) {
  for (const auto& [text, said] : {std::pair<std::string, std::string>{elsewhere().text(), " on another."},
                                   {"no claim", "is a damaged claim"},
                                   {"", "is a damaged claim"},
                                   {std::string(5000, 'x'), "is a damaged claim"}}) {
    const TemporaryFolder folder;
    put(folder / "claim-a", text);
    std::string notices;
    ntk::Sharing sharing = sharing_by_claims(0.3);
    sharing.notice = [&](const std::string& notice) { notices += notice; };
    ntk::Claims one(folder.path(), sharing);
    BOOST_TEST(!one.take("a"));            // the time begins when it is seen
    BOOST_TEST(notices.empty(), notices);  // on a share a claim that is being replaced can look damaged for a moment
    BOOST_TEST(comes_true([&] { return one.take("a"); }));
    BOOST_TEST((has(notices, said) && has(notices, "Took over " + (folder / "claim-a").string())), notices);
    BOOST_TEST(ntk::parse_claim(contents(folder / "claim-a.1"))->process == ::getpid());
    BOOST_TEST(!ntk::Claims(folder.path(), sharing_by_claims(0.3)).take("a"));  // who sees it first begins to wait
    one.release();
    BOOST_TEST(folder.files() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_user_may_say_that_all_are_dead) {
  const TemporaryFolder folder;
  ntk::Claimant alive = elsewhere();
  put(folder / "claim-a", elsewhere().text());
  put(folder / "claim-b", alive.text());
  ntk::Sharing sharing = sharing_by_claims();
  sharing.take_over = true;
  ntk::Claims one(folder.path(), sharing);
  BOOST_TEST(one.take("a"));
  ++alive.beat;  // the user was wrong
  put(folder / "claim-b", alive.text());
  BOOST_TEST(!one.take("b"));
  put(folder / "claim-c", elsewhere().text());  // came later
  BOOST_TEST(!one.take("c"));
}

BOOST_AUTO_TEST_CASE(what_another_has_taken_over_stays) {
  const TemporaryFolder folder;
  const std::string text = elsewhere().text();
  {
    ntk::Claims one(folder.path(), sharing_by_claims());
    BOOST_TEST(one.take("a"));
    fs::remove(folder / "claim-a");
    put(folder / "claim-a", text);
  }
  BOOST_TEST(contents(folder / "claim-a") == text);
}

BOOST_AUTO_TEST_CASE(a_file_is_made_once) {
  const TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ready = 0, made = 0;
    std::string by;
    std::vector<std::jthread> threads;
    for (const char* name : {"a", "b", "c", "d"})
      threads.emplace_back([&, name] {
        for (++ready; ready < 4;) std::this_thread::yield();
        if (!ntk::make_once(folder / "file", name)) return;
        by = name;
        ++made;
      });
    threads.clear();
    BOOST_TEST(made == 1);
    BOOST_TEST(contents(folder / "file") == by);
    BOOST_TEST(folder.files() == 1u);
    fs::remove(folder / "file");
  }
  expect_error<data_error>([&] { ntk::make_once(folder / "none" / "file", "text"); },
                           {"none/file", "cannot be written"});
}

BOOST_AUTO_TEST_SUITE_END()
