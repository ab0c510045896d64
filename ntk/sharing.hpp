#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

/// Several processes, on one machine or on many, that compute one kernel, or features, into one folder.
///
/// What a process takes at a time of a kernel is a column of tiles beside a panel of rows, because these tiles are
/// computed together; of a kernel from features, a tile; and of features, a file. Which processes there are, and which
/// of them computes what, changes no bits. The cut of the kernel is that of the process that was the first in the
/// folder.
namespace xtangent::ntk {

/// One of `count` parts of a kernel or of features, counted from 0.
struct Shard {
  std::size_t index = 0, count = 1;
  bool operator==(const Shard&) const = default;
};

/// Reads "2/4", the second of four parts. "auto" is the part of this process among those that were started together:
/// its rank by Open MPI (OMPI_COMM_WORLD_RANK and _SIZE), by another MPI (PMI_RANK, PMI_SIZE) or by srun (SLURM_PROCID,
/// SLURM_NTASKS), within its task of a job array (SLURM_ARRAY_TASK_ID, _COUNT, _MIN and _STEP) if there is one. Throws
/// option_error (another text, or none of these variables is set, or they contradict each other).
Shard parse_shard(std::string_view text);

struct Sharing {
  enum class Mode {
    exclusive,  ///< one process alone works in the folder
    claims,     ///< any number of processes, which may come and go, take what nobody has taken
    shard       ///< this process computes a part that is fixed beforehand, and looks at no claims
  };
  Mode mode = Mode::exclusive;
  Shard shard = {};  ///< for Mode::shard
  /// Seconds after which the claim of a process that gives no sign of life is taken over. That is measured by the clock
  /// of the process that waits; clocks of machines are not compared. A process gives a sign eight times in this time.
  /// If it was alive after all, its tiles are computed twice, to the same bits.
  double patience = 120;
  /// Takes over at once what is claimed when the computation begins: for a user who knows that those processes are
  /// dead.
  bool take_over = false;
  /// Told in a sentence what a user may want to know: whose claim was taken over, and which file is a damaged claim. It
  /// is called by the thread that asked for the kernel.
  std::function<void(const std::string&)> notice = {};

  bool with_others() const { return mode != Mode::exclusive; }
};

/// What is used of `bytes` of memory, where 0 means half of what is free: 2 GiB for 0 where processes share a folder,
/// since they must all cut the work alike, and rounding depends on the cut.
std::size_t shared_memory(std::size_t bytes, const Sharing& sharing);

/// Throws option_error for a patience that is not positive, a part that there is not, and processes that share no
/// folder.
void check_sharing(const Sharing& sharing, const std::filesystem::path& store);

}  // namespace xtangent::ntk
