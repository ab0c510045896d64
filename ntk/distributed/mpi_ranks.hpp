#pragma once

#include <mpi.h>

#include "ntk/distributed/communicator.hpp"

namespace xtangent::ntk {

class MpiRanks : public Communicator {
 public:
  MpiRanks();
  ~MpiRanks() override;
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;

  std::size_t rank() const override { return rank_; }
  std::size_t size() const override { return size_; }
  std::size_t threads() const override { return threads_; }
  std::size_t neighbors() const override { return neighbors_; }
  bool all_end(double seconds) override;
  [[noreturn]] void abort(int status) override;
  MPI_Comm communicator() const { return communicator_; }

 private:
  void exchange(const float* all, float* from_all, std::size_t count) override;
  void exchange(const double* all, double* from_all, std::size_t count) override;
  void gather(float* x, const std::vector<Range>& parts) override;
  void gather(double* x, const std::vector<Range>& parts) override;
  void send_from(std::size_t root, double* x, std::size_t count) override;
  void wait() override;

  MPI_Comm communicator_ = MPI_COMM_NULL;
  /// For all_end() alone, whose calls are not in the order of the others.
  MPI_Comm endings_ = MPI_COMM_NULL;
  bool all_end_ = false;
  std::size_t rank_ = 0, size_ = 1, threads_ = 1, neighbors_ = 1;
};

/// The communicator of MPI behind `ranks`. Throws option_error if it is not one of mpi_ranks().
MPI_Comm mpi_communicator(const Communicator& ranks, const char* who);

}  // namespace xtangent::ntk
