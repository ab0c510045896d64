#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "autodiff/error.hpp"

/// What the fuzzers share. libFuzzer calls LLVMFuzzerTestOneInput with bytes of its own making, and goes on from those
/// that reach new code. A reader either accepts them or throws an error of the library. Everything else (a crash, a
/// finding of a sanitizer, another exception, 100 seconds or 2 GiB without an answer) ends the fuzzer, which then
/// writes the bytes to a file.
namespace xtangent::fuzz {

/// A file in memory, for readers of files. Its name has no ending, because readers go by what is in a file.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(file_)) {}
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::filesystem::path& with(std::string_view bytes) {
    if (::ftruncate(file_, 0) != 0 ||
        ::pwrite(file_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      std::abort();
    return path_;
  }

 private:
  int file_;
  std::filesystem::path path_;
};

/// What f returns, or nothing where it throws an error of the library, as is expected of damaged input.
template <class F>
auto accepted(const F& f) -> std::optional<decltype(f())> {
  try {
    return f();
  } catch (const error&) {
    return std::nullopt;
  }
}

/// Ends the fuzzer unless this holds of what a reader has accepted.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace xtangent::fuzz

/// Defines the function that libFuzzer calls as f(std::string_view of the bytes).
#define XTANGENT_FUZZ(f)                                                              \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    f(std::string_view(reinterpret_cast<const char*>(data), size));                   \
    return 0;                                                                         \
  }
