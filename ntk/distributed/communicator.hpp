#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "autodiff/range.hpp"

/// Processes that work on one problem together. Their number is R, and each has a rank from 0 to R - 1.
namespace xtangent::ntk {

/// What one rank has sent since it began.
struct Traffic {
  std::uint64_t calls = 0;     ///< operations in which all ranks took part
  std::uint64_t messages = 0;  ///< to other ranks
  double bytes = 0;            ///< in these messages
};

/// The ranks of one computation. Every rank makes the same calls in the same order, each from one thread, since each
/// call waits for the others. So an exception on one rank has to end all of them, see all_end() and
/// abort().
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual std::size_t rank() const = 0;
  virtual std::size_t size() const = 0;
  /// Threads that this rank may use when all ranks of its machine have an equal part of it.
  virtual std::size_t threads() const = 0;
  /// The number of ranks on this rank's machine, with itself.
  virtual std::size_t neighbors() const { return 1; }

  /// x becomes the sum over the ranks, with the same bits on each of them: the numbers of rank 0, 1, 2 ... are added in
  /// this order. Up to 1,024 numbers go from each rank to each other; more are cut in R parts, of which each rank adds
  /// one, so that it sends 2 (R - 1) / R of its numbers.
  void all_reduce(std::span<float> x);
  void all_reduce(std::span<double> x);
  /// x becomes that of rank `root`.
  void broadcast(std::span<double> x, std::size_t root = 0);
  /// Each rank has filled the part of x that its range names, and then has the whole.
  void all_gather(std::span<double> x, const std::vector<Range>& parts);
  /// Waits until all ranks are here.
  void barrier();
  /// The smallest x of the ranks.
  double least(double x);

  const Traffic& traffic() const { return traffic_; }

  /// Waits until every rank has called this, at most so many seconds. True when they all have: then each knows that
  /// the others will end, too, and abort() ends them in order.
  virtual bool all_end(double seconds) = 0;
  /// Ends all ranks with this exit status, and does not return.
  [[noreturn]] virtual void abort(int status) = 0;

 protected:
  /// Piece number r of `all`, which has R pieces of `count` numbers, is sent to rank r; piece r of `from_all` becomes
  /// what rank r has sent here.
  virtual void exchange(const float* all, float* from_all, std::size_t count) = 0;
  virtual void exchange(const double* all, double* from_all, std::size_t count) = 0;
  /// Each rank has filled the part of x that its range names, and then has the whole.
  virtual void gather(float* x, const std::vector<Range>& parts) = 0;
  virtual void gather(double* x, const std::vector<Range>& parts) = 0;
  virtual void send_from(std::size_t root, double* x, std::size_t count) = 0;
  virtual void wait() = 0;

 private:
  template <class T>
  void sum(std::span<T> x);
  template <class T>
  void sum_few(std::span<T> x);
  template <class T>
  void sum_many(std::span<T> x);
  void count(std::size_t messages, std::size_t bytes);

  Traffic traffic_;
};

/// A process by itself.
class SingleRank : public Communicator {
 public:
  std::size_t rank() const override { return 0; }
  std::size_t size() const override { return 1; }
  std::size_t threads() const override;
  bool all_end(double) override { return true; }
  [[noreturn]] void abort(int status) override;

 private:
  void exchange(const float*, float*, std::size_t) override {}
  void exchange(const double*, double*, std::size_t) override {}
  void gather(float*, const std::vector<Range>&) override {}
  void gather(double*, const std::vector<Range>&) override {}
  void send_from(std::size_t, double*, std::size_t) override {}
  void wait() override {}
};

/// The examples of each rank: n in `ranks` contiguous slices, of which the first n mod R have one more.
std::vector<Range> slices(std::size_t n, std::size_t ranks);
/// The same in units of numbers, for `width` numbers of each example.
std::vector<Range> slices(std::size_t n, std::size_t ranks, std::size_t width);

/// The number of bytes that a rank may hold: `bytes`, or, if that is 0, half of what its machine has free, divided by
/// the number of ranks there.
std::size_t memory_of_rank(std::size_t bytes, const Communicator& ranks);

}  // namespace xtangent::ntk
