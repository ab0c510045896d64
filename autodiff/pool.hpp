#pragma once

#include <cstddef>

/// Memory of arrays. Small blocks come from oneTBB's allocator. Large ones are kept when they are given back, for the
/// next array of about that size: a step of training asks for the same blocks again, and fresh pages cost a tenth of
/// it.
namespace xtangent::pool {

/// 64-byte aligned. Gives kept blocks back to the operating system before it gives up. Throws std::bad_alloc.
void* take(std::size_t bytes);
/// Takes back what `take` gave for that many bytes.
void give(void* memory, std::size_t bytes) noexcept;

/// Bytes that are kept. With the blocks in use they are at most 1.5 times what was in use at one time so far.
std::size_t kept_bytes();
/// Gives them back to the operating system.
void release();

/// While it lives, blocks in use and kept ones together stay within what was in use when it began and `bytes` more, as
/// far as the blocks in use allow: for work with a memory budget. May be nested; the lowest bound counts.
class Ceiling {
 public:
  explicit Ceiling(std::size_t bytes);
  ~Ceiling();
  Ceiling(const Ceiling&) = delete;
  Ceiling& operator=(const Ceiling&) = delete;

 private:
  std::size_t bound_;
};

}  // namespace xtangent::pool
