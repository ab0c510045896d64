#pragma once

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "ntk/distributed/communicator.hpp"

/// Ranks that are threads of one process, so that what several ranks do is tested without MPI.
namespace xtangent::testing {

class ThreadRanks : public ntk::Communicator {
 public:
  /// Where the ranks meet, and what each of them shows the others.
  struct Meeting {
    std::barrier<> all;
    std::vector<const void*> shown;
    explicit Meeting(std::size_t ranks) : all(static_cast<std::ptrdiff_t>(ranks)), shown(ranks) {}
  };

  ThreadRanks(std::shared_ptr<Meeting> meeting, std::size_t rank) : meeting_(std::move(meeting)), rank_(rank) {}
  std::size_t rank() const override { return rank_; }
  std::size_t size() const override { return meeting_->shown.size(); }
  std::size_t threads() const override { return 1; }
  bool all_end(double) override { return false; }
  [[noreturn]] void abort(int) override { std::abort(); }

 private:
  template <class T, class F>
  void show(const T* mine, const F& take) {
    meeting_->shown[rank_] = mine;
    meeting_->all.arrive_and_wait();
    for (std::size_t r = 0; r < size(); ++r) take(r, static_cast<const T*>(meeting_->shown[r]));
    meeting_->all.arrive_and_wait();
  }
  template <class T>
  void exchange_any(const T* all, T* from_all, std::size_t count) {
    show(all,
         [&](std::size_t r, const T* theirs) { std::copy_n(theirs + rank_ * count, count, from_all + r * count); });
  }
  template <class T>
  void gather_any(T* x, const std::vector<Range>& parts) {
    show(x, [&](std::size_t r, const T* theirs) {
      if (r != rank_) std::copy_n(theirs + parts[r].first, parts[r].size(), x + parts[r].first);
    });
  }
  void exchange(const float* all, float* from_all, std::size_t count) override { exchange_any(all, from_all, count); }
  void exchange(const double* all, double* from_all, std::size_t count) override { exchange_any(all, from_all, count); }
  void gather(float* x, const std::vector<Range>& parts) override { gather_any(x, parts); }
  void gather(double* x, const std::vector<Range>& parts) override { gather_any(x, parts); }
  void send_from(std::size_t root, double* x, std::size_t count) override {
    show(x, [&](std::size_t r, const double* theirs) {
      if (r == root && r != rank_) std::copy_n(theirs, count, x);
    });
  }
  void wait() override { meeting_->all.arrive_and_wait(); }

  std::shared_ptr<Meeting> meeting_;
  std::size_t rank_;
};

/// What f(ranks) returns on each of so many ranks. An exception on one rank is thrown here; the others must not wait
/// for it.
template <class F>
auto on_ranks(std::size_t count, const F& f) {
  using Result = decltype(f(std::shared_ptr<ntk::Communicator>()));
  const auto meeting = std::make_shared<ThreadRanks::Meeting>(count);
  std::vector<Result> out(count);
  std::vector<std::exception_ptr> failures(count);
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < count; ++r)
    threads.emplace_back([&, r] {
      try {
        out[r] = f(std::make_shared<ThreadRanks>(meeting, r));
      } catch (...) {
        failures[r] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return out;
}

}  // namespace xtangent::testing
