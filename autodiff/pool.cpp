#include "autodiff/pool.hpp"

#include <oneapi/tbb/scalable_allocator.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <vector>

#if defined(__linux__)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#endif

namespace xtangent::pool {

#if defined(__linux__)
namespace {

std::size_t pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

void* take_zeros(std::size_t bytes) {
  void* memory = ::mmap(nullptr, pages(bytes), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}
void give_zeros(void* memory, std::size_t bytes) noexcept { ::munmap(memory, pages(bytes)); }
#else
void* take_zeros(std::size_t bytes) {
  void* memory = take(bytes);
  std::memset(memory, 0, bytes);
  return memory;
}
void give_zeros(void* memory, std::size_t bytes) noexcept { give(memory, bytes); }
#endif

// Sanitizers watch the C++ allocator only, and should see every block die. An operator new that throws would end the
// program under them when there is no memory, hence the one that does not.
#if defined(XTANGENT_SANITIZED)
void* take(std::size_t bytes) {
  if (void* memory = ::operator new (bytes, std::align_val_t{64}, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void give(void* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{64}); }
std::size_t kept_bytes() { return 0; }
void release() {}
Ceiling::Ceiling(std::size_t bytes) : arrays_(bytes), resident_(bytes) {}
Ceiling::~Ceiling() = default;
#else
namespace {

constexpr std::size_t large = std::size_t{1} << 20, huge_page = std::size_t{2} << 20;

// Large blocks have eight sizes between successive powers of two, so at most an eighth of a block is unused.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

#if defined(__linux__)
// Each large block is a mapping of its own, so that the operating system has it back at once, and starts at a huge
// page.
void* fresh(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) return nullptr;
  const std::size_t mapped = bytes + huge_page;
  void* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + huge_page - 1) / huge_page * huge_page, last = pages(first + bytes);
  if (first > begin) ::munmap(memory, first - begin);
  if (last < begin + mapped) ::munmap(reinterpret_cast<void*>(last), begin + mapped - last);
  void* aligned = reinterpret_cast<void*>(first);
  if (bytes >= huge_page)
    ::madvise(aligned, bytes / huge_page * huge_page, MADV_HUGEPAGE);  // without success the block stays as it is
  return aligned;
}
void destroy(void* memory, std::size_t bytes) noexcept { ::munmap(memory, pages(bytes)); }
#else
void* fresh(std::size_t bytes) { return ::operator new (bytes, std::align_val_t{huge_page}, std::nothrow); }
void destroy(void* memory, std::size_t) noexcept { ::operator delete (memory, std::align_val_t{huge_page}); }
#endif

// Keeps blocks, all of sizes that `rounded` returns.
class Kept {
 public:
  void* take(std::size_t bytes) {
    std::size_t before = 0;
    {
      const std::lock_guard lock(mutex_);
      used_ += bytes;
      before = most_used_;
      most_used_ = std::max(most_used_, used_);
      if (void* block = pop(free_.find(bytes))) return block;
      trim();
    }
    void* memory = fresh(bytes);
    if (!memory) {
      clear();
      memory = fresh(bytes);
    }
    if (memory) return memory;
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    most_used_ = std::max(before, used_);  // what was never had does not raise the bound of the blocks that are kept
    throw std::bad_alloc();
  }
  void give(void* memory, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    try {
      free_[bytes].push_back(memory);
      kept_ += bytes;
      if (!ceilings_.empty()) trim();
    } catch (const std::bad_alloc&) {
      destroy(memory, bytes);
      if (const auto at = free_.find(bytes); at != free_.end() && at->second.empty()) free_.erase(at);
    }
  }
  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return kept_;
  }
  // Bounds the sum of the blocks in use and the kept ones from now on. Returns the bound, which `uncover` takes.
  std::size_t cover(std::size_t more) {
    const std::lock_guard lock(mutex_);
    const std::size_t bound = used_ + more;
    ceilings_.insert(bound);
    trim();
    return bound;
  }
  void uncover(std::size_t bound) {
    const std::lock_guard lock(mutex_);
    ceilings_.erase(ceilings_.find(bound));
  }
  // Gives back so many bytes of the kept blocks, as far as there are any.
  void shrink(std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    const std::size_t rest = kept_ - std::min(kept_, bytes);
    while (!free_.empty() && kept_ > rest) {
      const auto largest = std::prev(free_.end());
      const std::size_t size = largest->first;
      destroy(pop(largest), size);
    }
  }
  void clear() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [size, blocks] : free_)
      for (void* block : blocks) destroy(block, size);
    free_.clear();
    kept_ = 0;
  }

 private:
  using Lists = std::map<std::size_t,
                         std::vector<void*>>;  // the block given back last is taken first, since it may be in a cache

  void* pop(Lists::iterator at) {
    if (at == free_.end()) return nullptr;
    void* block = at->second.back();
    at->second.pop_back();
    kept_ -= at->first;
    if (at->second.empty()) free_.erase(at);
    return block;
  }

  void trim() {
    const std::size_t usual = most_used_ + most_used_ / 2;
    const std::size_t bound = ceilings_.empty() ? usual : std::min(usual, *ceilings_.begin());
    while (!free_.empty() && used_ + kept_ > bound) {
      const auto largest = std::prev(free_.end());
      const std::size_t bytes = largest->first;
      destroy(pop(largest), bytes);
    }
  }

  std::mutex mutex_;
  Lists free_;
  std::multiset<std::size_t> ceilings_;
  std::size_t used_ = 0, most_used_ = 0, kept_ = 0;
};

// Never destroyed: arrays may outlive every other static object.
Kept& kept() {
  static Kept& all = *new Kept;
  return all;
}

#if defined(__linux__)
// Bytes of the process that are in memory, or 0 if they cannot be read.
std::size_t resident_bytes() {
  char text[64] = {};
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ::ssize_t count = ::read(file, text, sizeof text - 1);
  ::close(file);
  unsigned long all = 0, resident = 0;
  return count > 0 && std::sscanf(text, "%lu %lu", &all, &resident) == 2 ? pages(1) * resident : 0;
}
#else
std::size_t resident_bytes() { return 0; }
#endif

// What oneTBB's allocator keeps of small blocks can be hundreds of MiB, and nothing bounds it. So under a ceiling the
// memory of the process is looked at each time that `interval` bytes have been given back. If it is above the ceiling,
// what is kept goes back to the operating system.
class Watch {
 public:
  // Returns the bound, which `uncover` takes.
  std::size_t cover(std::size_t more) {
    const std::lock_guard lock(mutex_);
    const std::size_t bound = resident_bytes() + more;
    bounds_.insert(bound);
    watching_ = true;
    return bound;
  }
  void uncover(std::size_t bound) {
    const std::lock_guard lock(mutex_);
    bounds_.erase(bounds_.find(bound));
    watching_ = !bounds_.empty();
  }
  void given(std::size_t bytes) noexcept {
    if (!watching_.load(std::memory_order_relaxed)) return;
    if (given_.fetch_add(bytes, std::memory_order_relaxed) + bytes < interval) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || bounds_.empty()) return;
    given_.store(0, std::memory_order_relaxed);
    const std::size_t bound = *bounds_.begin();
    if (resident_bytes() <= bound) return;
    scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
    const std::size_t now = resident_bytes();
    if (now > bound) kept().shrink(now - bound);
  }

 private:
  static constexpr std::size_t interval = std::size_t{16} << 20;

  std::mutex mutex_;
  std::multiset<std::size_t> bounds_;
  std::atomic<bool> watching_{false};
  std::atomic<std::size_t> given_{0};
};

Watch& watch() {
  static Watch& all = *new Watch;
  return all;
}

}  // namespace

void* take(std::size_t bytes) {
  if (bytes >= large) return kept().take(rounded(bytes));
  if (void* memory = scalable_aligned_malloc(bytes, 64)) return memory;
  throw std::bad_alloc();
}

void give(void* memory, std::size_t bytes) noexcept {
  if (bytes >= large)
    kept().give(memory, rounded(bytes));
  else
    scalable_aligned_free(memory);
  watch().given(bytes);
}

std::size_t kept_bytes() { return kept().bytes(); }

Ceiling::Ceiling(std::size_t bytes) : arrays_(kept().cover(bytes)), resident_(watch().cover(bytes)) {}
Ceiling::~Ceiling() {
  watch().uncover(resident_);
  kept().uncover(arrays_);
}

void release() {
  kept().clear();
  scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
}
#endif

}  // namespace xtangent::pool
