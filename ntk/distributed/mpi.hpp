#pragma once

#include <memory>

#include "ntk/distributed/communicator.hpp"

/// Processes that mpirun has started. This and the other headers of this folder that name MPI or ScaLAPACK belong to
/// the library xtangent_mpi, which is built where both are found (meson option mpi).
namespace xtangent::ntk {

/// The ranks of MPI_COMM_WORLD. Begins MPI, which can be done once in a process, and ends it when the last owner is
/// gone. A process that was not started by mpirun is rank 0 of 1. Throws option_error (MPI has begun or ended already).
std::shared_ptr<Communicator> mpi_ranks();

}  // namespace xtangent::ntk
