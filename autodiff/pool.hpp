#pragma once

#include <cstddef>

/// The memory of arrays. Small blocks come from oneTBB's allocator. Large ones are kept when they are given back, for
/// the next array of about that size: a step of training asks for the same blocks as the step before, and fresh pages
/// would cost a tenth of its time.
namespace xtangent::pool {

/// A block of memory, aligned to 64 bytes. When there is no memory left, the kept blocks first go back to the operating
/// system. Throws std::bad_alloc.
void* take(std::size_t bytes);
/// Takes back what `take` gave for that many bytes.
void give(void* memory, std::size_t bytes) noexcept;

/// A block of zeros that takes no memory as long as it is only read. Throws std::bad_alloc.
void* take_zeros(std::size_t bytes);
/// Takes back what `take_zeros` gave for that many bytes.
void give_zeros(void* memory, std::size_t bytes) noexcept;

/// Bytes of the kept blocks. Together with the blocks in use they are at most 1.5 times the largest number of bytes
/// that was in use at one time so far.
std::size_t kept_bytes();
/// Gives all kept blocks back to the operating system.
void release();

/// For work with a memory budget: while it lives, kept blocks are given back so that the blocks in use and the kept
/// ones together stay within what was in use at its construction plus `bytes`, unless the blocks in use alone are more.
/// Under Linux the same holds, about, for what the process holds in memory, which includes what oneTBB keeps of small
/// blocks. May be nested; the lowest bound counts.
class Ceiling {
 public:
  explicit Ceiling(std::size_t bytes);
  ~Ceiling();
  Ceiling(const Ceiling&) = delete;
  Ceiling& operator=(const Ceiling&) = delete;

 private:
  std::size_t arrays_, resident_;
};

}  // namespace xtangent::pool
