#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "autodiff/error.hpp"

/// What the fuzzers share. libFuzzer calls LLVMFuzzerTestOneInput with bytes of its own making, and looks for those
/// that reach new code. A reader either accepts them or throws an error of the library. Everything else (a crash, a
/// finding of a sanitizer, another exception, a second or 2 GiB without an answer) ends the fuzzer, which then writes
/// the bytes to a file.
namespace xtangent::fuzz {

/// A file in memory, for readers of files. Its name ends in no suffix: readers look at what is in it.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {}
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path with(std::string_view bytes) {
    if (::ftruncate(file_, 0) != 0 ||
        ::pwrite(file_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      std::abort();
    return "/proc/self/fd/" + std::to_string(file_);
  }

 private:
  int file_;
};

/// Calls f. Errors of the library are what is expected of damaged input.
template <class F>
void expect_answer(const F& f) {
  try {
    f();
  } catch (const error&) {
  }
}

}  // namespace xtangent::fuzz

/// Defines the function that libFuzzer calls: f(a file with the bytes).
#define XTANGENT_FUZZ_FILE(f)                                                         \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    static xtangent::fuzz::MemoryFile file;                                           \
    const auto path = file.with({reinterpret_cast<const char*>(data), size});         \
    xtangent::fuzz::expect_answer([&] { f(path); });                                  \
    return 0;                                                                         \
  }
