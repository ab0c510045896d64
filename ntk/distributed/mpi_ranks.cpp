#include "ntk/distributed/mpi_ranks.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <thread>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/distributed/mpi.hpp"

namespace xtangent::ntk {
namespace {

int count_of(std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw shape_error("[mpi] a message of " + std::to_string(count) + " numbers is larger than MPI's counts.");
  return static_cast<int>(count);
}

struct Placement {
  std::vector<int> counts, places;
  explicit Placement(const std::vector<Range>& parts) {
    for (const Range& part : parts) {
      counts.push_back(count_of(part.size()));
      places.push_back(count_of(part.first));
    }
  }
};

struct Machine {
  std::size_t ranks = 1;    // on it
  std::size_t threads = 1;  // for this one
};

// The processors that this process may use are divided by the ranks of its machine that may use the same: mpirun gives
// each rank processors of its own, or all of them to each.
Machine machine_of_rank(MPI_Comm world) {
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  int ranks = 1;
  MPI_Comm_size(host, &ranks);
  cpu_set_t mine;
  CPU_ZERO(&mine);
  sched_getaffinity(0, sizeof mine, &mine);
  std::vector<cpu_set_t> all(static_cast<std::size_t>(ranks));
  MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, host);
  MPI_Comm_free(&host);
  const auto same =
      std::count_if(all.begin(), all.end(), [&](const cpu_set_t& other) { return CPU_EQUAL(&mine, &other) != 0; });
  const std::size_t processors =
      std::min<std::size_t>(kernels::thread_count(), static_cast<std::size_t>(CPU_COUNT(&mine)));
  return {static_cast<std::size_t>(ranks), std::max<std::size_t>(1, processors / static_cast<std::size_t>(same))};
}

}  // namespace

MpiRanks::MpiRanks() {
  int begun = 0, provided = 0;
  MPI_Initialized(&begun);
  if (begun) throw option_error("[mpi] MPI has begun already. Call mpi_ranks() once.");
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw option_error("[mpi] MPI does not begin.");
  MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);
  MPI_Comm_dup(MPI_COMM_WORLD, &endings_);
  int rank = 0, size = 1;
  MPI_Comm_rank(communicator_, &rank);
  MPI_Comm_size(communicator_, &size);
  rank_ = static_cast<std::size_t>(rank);
  size_ = static_cast<std::size_t>(size);
  const Machine machine = machine_of_rank(communicator_);
  threads_ = machine.threads;
  neighbors_ = machine.ranks;
}

MpiRanks::~MpiRanks() {
  MPI_Comm_free(&communicator_);
  MPI_Comm_free(&endings_);
  MPI_Finalize();
}

bool MpiRanks::all_end(double seconds) {
  MPI_Request all = MPI_REQUEST_NULL;
  MPI_Ibarrier(endings_, &all);
  const auto last = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int here = 0;
  while (MPI_Test(&all, &here, MPI_STATUS_IGNORE) == MPI_SUCCESS && !here && std::chrono::steady_clock::now() < last)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  all_end_ = here != 0;
  return all_end_;
}

// mpirun of Open MPI 4.1 now and then crashes while it ends what MPI_Abort has broken off, and its status is lost. So
// ranks that all end leave MPI the way they would after success.
void MpiRanks::abort(int status) {
  if (all_end_) {
    MPI_Finalize();
    std::exit(status);
  }
  MPI_Abort(communicator_, status);
  std::abort();
}

void MpiRanks::exchange(const float* all, float* from_all, std::size_t count) {
  MPI_Alltoall(all, count_of(count), MPI_FLOAT, from_all, count_of(count), MPI_FLOAT, communicator_);
}
void MpiRanks::exchange(const double* all, double* from_all, std::size_t count) {
  MPI_Alltoall(all, count_of(count), MPI_DOUBLE, from_all, count_of(count), MPI_DOUBLE, communicator_);
}

void MpiRanks::gather(float* x, const std::vector<Range>& parts) {
  const Placement at(parts);
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, x, at.counts.data(), at.places.data(), MPI_FLOAT, communicator_);
}
void MpiRanks::gather(double* x, const std::vector<Range>& parts) {
  const Placement at(parts);
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DOUBLE, x, at.counts.data(), at.places.data(), MPI_DOUBLE, communicator_);
}

void MpiRanks::send_from(std::size_t root, double* x, std::size_t count) {
  MPI_Bcast(x, count_of(count), MPI_DOUBLE, count_of(root), communicator_);
}

void MpiRanks::wait() { MPI_Barrier(communicator_); }

std::shared_ptr<Communicator> mpi_ranks() { return std::make_shared<MpiRanks>(); }

MPI_Comm mpi_communicator(const Communicator& ranks, const char* who) {
  const auto* mpi = dynamic_cast<const MpiRanks*>(&ranks);
  if (!mpi) throw option_error(std::string("[") + who + "] ScaLAPACK needs the ranks of mpi_ranks().");
  return mpi->communicator();
}

}  // namespace xtangent::ntk
