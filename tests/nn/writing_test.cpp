// What write_file replaces, what it leaves alone, and what is found before the work.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <thread>

#include "nn/data/file.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  const auto bytes = read_raw_file(file);
  return {bytes.begin(), bytes.end()};
}

struct stat about(const fs::path& file) {
  struct stat out {};
  BOOST_REQUIRE(::lstat(file.c_str(), &out) == 0);
  return out;
}

mode_t mode(const fs::path& file) { return about(file).st_mode & 07777; }

const std::string long_name(255, 'n');

}  // namespace

BOOST_AUTO_TEST_SUITE(writing)

BOOST_AUTO_TEST_CASE(what_is_no_regular_file_is_written_and_stays) {
  const TemporaryFolder folder;
  write_file("/dev/null", {"text"});
  BOOST_TEST(S_ISCHR(about("/dev/null").st_mode));
  expect_error<data_error>([] { write_file("/dev/full", {"text"}); }, {"/dev/full", "No space left"});
  BOOST_TEST(S_ISCHR(about("/dev/full").st_mode));
  require_writable_file("/dev/null", 1e18);  // takes anything

  const fs::path pipe = folder / "pipe";
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  require_writable_file(pipe);  // does not wait for a reader
  std::string read(9, '\0');
  std::thread reader([&] {
    const int in = ::open(pipe.c_str(), O_RDONLY);
    const ssize_t got = ::read(in, read.data(), 4);
    if (got > 0 && ::read(in, read.data() + got, 5) < 0) read.clear();
    ::close(in);
  });
  write_file(pipe, {"some", " text"});
  reader.join();
  BOOST_TEST(read == "some text");
  BOOST_TEST(S_ISFIFO(about(pipe).st_mode));
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(an_open_descriptor_is_written_where_it_stands) {
  const TemporaryFolder folder;
  const int open = ::open((folder / "file").c_str(), O_WRONLY | O_CREAT, 0600);
  BOOST_REQUIRE(open >= 0);
  const std::string name = "/proc/self/fd/" + std::to_string(open), other = "/dev/fd/" + std::to_string(open);
  BOOST_TEST(::write(open, "before ", 7) == 7);
  require_writable_file(name);
  write_file(name, {"within"});
  write_file(other, {", again"});
  BOOST_TEST(::write(open, " after", 6) == 6);
  ::close(open);
  BOOST_TEST(contents(folder / "file") == "before within, again after");
  expect_error<data_error>([&] { require_writable_file(name); }, {"not open for writing"});
}

BOOST_AUTO_TEST_CASE(symbolic_links_lead_to_what_is_replaced) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "below");
  put(folder / "below" / "old", "old");
  fs::create_symlink("below/old", folder / "link");
  fs::create_symlink("link", folder / "second");
  fs::create_symlink(folder / "below" / "new", folder / "ahead");
  write_file(folder / "second", {"new"});
  BOOST_TEST(contents(folder / "below" / "old") == "new");
  write_file(folder / "ahead", {"made"});
  BOOST_TEST(contents(folder / "below" / "new") == "made");
  for (const char* name : {"link", "second", "ahead"}) BOOST_TEST(fs::is_symlink(folder / name));
  fs::create_symlink("/dev/null", folder / "null");
  write_file(folder / "null", {"x"});
  BOOST_TEST(fs::is_symlink(folder / "null"));
  BOOST_TEST(S_ISCHR(about("/dev/null").st_mode));
  fs::create_symlink("round", folder / "round");
  expect_error<data_error>([&] { write_file(folder / "round", {"x"}); }, {"round", "symbolic links"});
  fs::create_symlink("absent/file", folder / "nowhere");
  expect_error<data_error>([&] { require_writable_file(folder / "nowhere"); }, {"nowhere", "No such file"});
}

BOOST_AUTO_TEST_CASE(a_replaced_file_keeps_its_mode) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(027);
  write_file(folder / "new", {"x"});
  BOOST_TEST(mode(folder / "new") == 0640u);
  for (const mode_t kept : {0600, 0640, 0666, 0755, 0200}) {
    put(folder / "file", "old");
    ::chmod((folder / "file").c_str(), kept);
    write_file(folder / "file", {"new"});
    BOOST_TEST(mode(folder / "file") == kept);
    fs::remove(folder / "file");
  }
  ::umask(mask);
  if (::geteuid() != 0) return;
  put(folder / "theirs", "old");
  BOOST_REQUIRE(::chown((folder / "theirs").c_str(), 12345, 23456) == 0);
  write_file(folder / "theirs", {"new"});
  BOOST_TEST(about(folder / "theirs").st_uid == 12345u);
  BOOST_TEST(about(folder / "theirs").st_gid == 23456u);
}

// Runs `work` as a user who is not root, where the tests run as root. True if it threw no error that lacks `says`.
bool refused_to_others(const fs::path& folder, const std::function<void()>& work, const std::string& says) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::chmod(folder.c_str(), 0777) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
      ::_exit(3);
    try {
      work();
      ::_exit(1);
    } catch (const data_error& failure) {
      ::_exit(std::string(failure.what()).find(says) == std::string::npos ? 2 : 0);
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

BOOST_AUTO_TEST_CASE(what_is_write_protected_is_not_replaced) {
  const TemporaryFolder folder;
  put(folder / "file", "old");
  ::chmod((folder / "file").c_str(), 0444);
  BOOST_TEST(refused_to_others(
      folder.path(), [&] { write_file(folder / "file", {"new"}); }, "Is it write-protected?"));
  BOOST_TEST(refused_to_others(
      folder.path(), [&] { require_writable_file(folder / "file"); }, "Permission denied"));
  BOOST_TEST(contents(folder / "file") == "old");
  fs::create_directory(folder / "closed");
  ::chmod((folder / "closed").c_str(), 0555);
  BOOST_TEST(refused_to_others(
      folder.path(), [&] { require_writable_file(folder / "closed" / "a"); }, "Permission"));
  BOOST_TEST(refused_to_others(
      folder.path(), [&] { require_writable_folder(folder / "closed"); }, "Choose another"));
}

BOOST_AUTO_TEST_CASE(temporary_files_of_killed_processes_are_removed_and_no_others) {
  const TemporaryFolder folder;
  const std::string left = "file.part-abcdefgh2345";
  const std::vector<std::string> others = {"file.part-1",
                                           "file.part-ABCDEFGH2345",
                                           "file.part-abcdefgh2345x",
                                           "other.part-abcdefgh2345",
                                           "file.part-planted23456",
                                           "file.part-running23456"};
  put(folder / "precious", "precious");
  fs::create_symlink("precious", folder / others[4]);
  for (const std::string& name : others)
    if (!fs::is_symlink(folder / name)) put(folder / name, "kept");
  const int running = ::open((folder / others[5]).c_str(), O_RDONLY);
  BOOST_REQUIRE(::flock(running, LOCK_EX) == 0);
  const auto expect_removed = [&](const std::function<void()>& work) {
    put(folder / left, "x");
    work();
    BOOST_TEST(!fs::exists(folder / left));
    for (const std::string& name : others) BOOST_TEST(fs::exists(folder / name), name);
  };
  expect_removed([&] { write_file(folder / "file", {"x"}); });
  expect_removed([&] { require_writable_file(folder / "file"); });
  expect_removed([&] { remove_unfinished(folder / "file"); });
  BOOST_TEST(contents(folder / "precious") == "precious");
  ::close(running);
  remove_unfinished(folder / "file");
  BOOST_TEST(!fs::exists(folder / others[5]));
}

BOOST_AUTO_TEST_CASE(a_killed_process_leaves_what_the_next_one_removes) {
  const TemporaryFolder folder;
  for (const std::string& name : {std::string("file"), long_name}) {
    const pid_t child = ::fork();
    if (child == 0) write_file_in_parts(folder / name, []() -> std::string_view { ::_exit(0); });
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(folder.files() == 1u);
    BOOST_TEST(!fs::exists(folder / name));
    write_file(folder / name, {"whole"});
    BOOST_TEST(folder.files() == 1u);
    BOOST_TEST(contents(folder / name) == "whole");
    fs::remove(folder / name);
  }
}

BOOST_AUTO_TEST_CASE(temporary_names_cannot_be_foreseen) {
  const TemporaryFolder folder;
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i)
    write_file_in_parts(folder / "file", [&, done = false]() mutable -> std::string_view {
      if (std::exchange(done, true)) return {};
      for (const auto& entry : fs::directory_iterator(folder.path()))
        if (entry.path().filename() != "file") names.push_back(entry.path().filename().string());
      return "x";
    });
  BOOST_TEST(names.size() == 20u);
  std::sort(names.begin(), names.end());
  BOOST_TEST((std::unique(names.begin(), names.end()) == names.end()));
  for (const std::string& name : names) BOOST_TEST(name.find(std::to_string(::getpid())) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(many_writers_of_one_file_leave_one_whole_file) {
  const TemporaryFolder folder;
  std::vector<std::thread> writers;
  for (char letter : {'a', 'b', 'c', 'd'})
    writers.emplace_back([&, text = std::string(100'000, letter)] {
      for (int i = 0; i < 25; ++i) write_file(folder / "file", {text});
    });
  for (std::thread& writer : writers) writer.join();
  const std::string text = contents(folder / "file");
  BOOST_TEST(text == std::string(100'000, text.at(0)));
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_files_are_found_before_the_work) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "taken");
  fs::create_symlink("taken", folder / "link");
  put(folder / "file", "x");
  const std::vector<std::pair<fs::path, std::string_view>> cases = {
      {"", "an empty name. Name a file"},
      {folder.path() / "taken", "is a folder. Name a file in it"},
      {folder.path() / "link", "is a folder"},
      {folder.path() / "absent/", "is the name of a folder"},
      {folder.path() / "absent/.", "is the name of a folder"},
      {folder.path() / "absent/..", "is the name of a folder"},
      {folder.path() / "file/below", "cannot be made a folder"},
      {folder.path() / (long_name + "n"), "File name too long"},
      {folder.path() / "absent" / (long_name + "n"), "File name too long"},
      {folder.path() / (long_name + "n") / "file", "File name too long"},
      {"/proc/xtangent", "/proc/xtangent"},
  };
  for (const auto& [file, says] : cases) BOOST_TEST_CONTEXT(file) {
      expect_error<data_error>([&file = file] { require_writable_file(file); }, {"[require_writable_file]", says});
      if (says != "cannot be made a folder")
        expect_error<data_error>([&file = file] { write_file(file, {"x"}); }, {""});
    }
  require_writable_file(folder.path() / "made" / long_name);
  BOOST_TEST(fs::is_empty(folder / "made"));
  write_file(folder.path() / "made" / long_name, {"x"});
  BOOST_TEST(folder.files() == 4u);
}

BOOST_AUTO_TEST_CASE(room_is_found_before_the_work) {
  const TemporaryFolder folder;
  require_writable_file(folder / "a", 1000, 1000);
  expect_error<data_error>([&] { require_writable_file(folder / "a", 1e18); }, {"/a", "its disk has room for"});
  expect_error<data_error>([&] { require_writable_file(folder / "a", 1, 1e18); }, {"/a", "its disk has room for"});
  const FileLimit full(4096);
  require_writable_file(folder / "a", 4096, 4096);
  expect_error<data_error>([&] { require_writable_file(folder / "a", 4097); }, {"/a", "files may have at most"});
  BOOST_TEST(folder.files() == 0u);
}

BOOST_AUTO_TEST_CASE(writable_folders) {
  const TemporaryFolder folder;
  require_writable_folder(folder / "a/b/c");
  BOOST_TEST(fs::is_directory(folder / "a/b/c"));
  BOOST_TEST(fs::is_empty(folder / "a/b/c"));
  put(folder / "file", "x");
  put(folder / "precious", "precious");
  fs::create_symlink(folder / "precious", folder / "a/b/c/.writable-" += std::to_string(::getpid()));
  require_writable_folder(folder / "a/b/c");
  BOOST_TEST(contents(folder / "precious") == "precious");
  expect_error<data_error>([] { require_writable_folder(""); }, {"an empty name. Name a folder"});
  expect_error<data_error>([&] { require_writable_folder(folder / "file"); }, {"file", "cannot be made a folder"});
  expect_error<data_error>([&] { require_writable_folder(folder / "file/below"); }, {"below"});
  expect_error<data_error>([&] { require_writable_folder(folder / long_name += "n"); }, {"File name too long"});
  expect_error<data_error>([] { require_writable_folder("/proc/xtangent"); }, {"/proc/xtangent"});
}

BOOST_AUTO_TEST_SUITE_END()
