#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "autodiff/error.hpp"

/// Files that tests make, and real ones that they look for.
namespace xtangent::testing {

/// A temporary folder, removed when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xtangent-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder can be made");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code code;
    std::filesystem::remove_all(path_, code);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

/// While it lives, files cannot grow beyond `bytes`, which looks like a full disk to the writer.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

inline void put(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// The bytes, compressed as a gzip stream.
inline std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
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

/// Runs f and checks that it throws Error with all `parts` in its message.
template <class Error, class F>
void expect_error(const F& f, std::initializer_list<std::string_view> parts) {
  try {
    f();
  } catch (const Error& thrown) {
    for (std::string_view part : parts)
      BOOST_TEST(std::string_view(thrown.what()).find(part) != std::string_view::npos,
                 '"' << thrown.what() << "\" does not say \"" << part << '"');
    return;
  } catch (const std::exception& thrown) {
    BOOST_ERROR("another error: " << thrown.what());
    return;
  }
  BOOST_ERROR("no error, expected one with \"" << *parts.begin() << '"');
}

/// The folder of published data sets: $XTANGENT_DATA, or ../shared/data beside the source tree.
inline std::filesystem::path published(const std::string& name) {
  if (const char* folder = std::getenv("XTANGENT_DATA")) return std::filesystem::path(folder) / name;
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  return std::filesystem::path(source ? source : ".") / ".." / "shared" / "data" / name;
}

/// scikit-learn's digits.csv.gz, which `./run tests` fetches: $XTANGENT_DIGITS.
inline std::filesystem::path digits_file() {
  const char* file = std::getenv("XTANGENT_DIGITS");
  return file ? file : "build/data/digits.csv.gz";
}

/// For Boost.Test's precondition: skips a test without a file or folder. The line that it prints is what
/// tests/count_tests.py counts.
inline boost::test_tools::assertion_result needs(const std::filesystem::path& file, const std::string& otherwise,
                                                 boost::unit_test::test_unit_id test) {
  boost::test_tools::assertion_result there(std::filesystem::exists(file));
  if (there) return there;
  const std::string why = file.string() + " is not there; " + otherwise;
  std::cout << "skipped: " << boost::unit_test::framework::get(test, boost::unit_test::TUT_ANY).full_name() << ": "
            << why << std::endl;
  there.message() << why;
  return there;
}

/// A precondition for Boost.Test that skips a test, visibly, without these files.
struct Published {
  std::string name;
  boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id test) const {
    return needs(published(name), "set XTANGENT_DATA to its folder", test);
  }
};

/// The handwritten digits.
struct Digits {
  boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id test) const {
    return needs(digits_file(), "`./run tests` fetches it", test);
  }
};

}  // namespace xtangent::testing
