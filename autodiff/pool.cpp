#include "autodiff/pool.hpp"

#include <oneapi/tbb/scalable_allocator.h>

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace xtangent::pool {

// Sanitizers only watch the C++ allocator, and should see every block die.
#if defined(XTANGENT_SANITIZED)
void* take(std::size_t bytes) { return ::operator new (bytes, std::align_val_t{64}); }
void give(void* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{64}); }
std::size_t kept_bytes() { return 0; }
void release() {}
#else
namespace {

constexpr std::size_t large = std::size_t{1} << 20, huge_page = std::size_t{2} << 20;

// Sizes of large blocks: eight to a power of two, so that at most an eighth is too much.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

void* fresh(std::size_t bytes) {
  void* memory = ::operator new (bytes, std::align_val_t{huge_page}, std::nothrow);
#if defined(__linux__)
  if (memory && bytes >= huge_page) madvise(memory, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // or it stays as is
#endif
  return memory;
}
void destroy(void* memory) noexcept { ::operator delete (memory, std::align_val_t{huge_page}); }

// Blocks of the sizes of `rounded`.
class Kept {
 public:
  void* take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      used_ += bytes;
      most_used_ = std::max(most_used_, used_);
      if (void* block = pop(free_.find(bytes))) return block;
      while (!free_.empty() && used_ + kept_ > most_used_ + most_used_ / 2) destroy(pop(std::prev(free_.end())));
    }
    void* memory = fresh(bytes);
    if (!memory) {
      clear();
      memory = fresh(bytes);
    }
    if (memory) return memory;
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    throw std::bad_alloc();
  }
  void give(void* memory, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    try {
      free_[bytes].push_back(memory);
      kept_ += bytes;
    } catch (const std::bad_alloc&) {
      destroy(memory);
      if (const auto at = free_.find(bytes); at != free_.end() && at->second.empty()) free_.erase(at);
    }
  }
  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return kept_;
  }
  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [size, blocks] : free_)
      for (void* block : blocks) destroy(block);
    free_.clear();
    kept_ = 0;
  }

 private:
  using Lists = std::map<std::size_t, std::vector<void*>>;  // the last given is taken first: it may be in a cache

  void* pop(Lists::iterator at) {
    if (at == free_.end()) return nullptr;
    void* block = at->second.back();
    at->second.pop_back();
    kept_ -= at->first;
    if (at->second.empty()) free_.erase(at);
    return block;
  }

  std::mutex mutex_;
  Lists free_;
  std::size_t used_ = 0, most_used_ = 0, kept_ = 0;
};

// Never destroyed: arrays may outlive every other static object.
Kept& kept() {
  static Kept& all = *new Kept;
  return all;
}

}  // namespace

void* take(std::size_t bytes) {
  if (bytes >= large) return kept().take(rounded(bytes));
  if (void* memory = scalable_aligned_malloc(bytes, 64)) return memory;
  throw std::bad_alloc();
}

void give(void* memory, std::size_t bytes) noexcept {
  if (bytes >= large) return kept().give(memory, rounded(bytes));
  scalable_aligned_free(memory);
}

std::size_t kept_bytes() { return kept().bytes(); }

void release() {
  kept().clear();
  scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
}
#endif

}  // namespace xtangent::pool
