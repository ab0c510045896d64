#pragma once

#include <memory>
#include <vector>

#include "ntk/plan.hpp"
#include "ntk/planning/panels.hpp"

/// How a kernel is divided among processes that compute it together. A piece is a column of tiles beside a panel, by
/// their numbers: these tiles are always computed together, so that their bits do not depend on who computes them.
namespace xtangent::ntk {

class Division {
 public:
  virtual ~Division() = default;
  /// Takes a piece. False where it is another process's.
  virtual bool take(std::size_t panel, std::size_t column) = 0;
  /// The piece that was taken last is finished.
  virtual void finish() {}
  /// Whether there may be more to do, or to wait for, when this process finds nothing to take.
  virtual bool waits() const { return false; }
  /// Waits a moment.
  virtual void pause() {}
  /// Everything is finished, by whomever.
  virtual void end() {}
};

/// Computes all pieces, alone or with other processes. compute(join) computes what this process can take: at first
/// where nobody works, then, to `join`, beside others. look() finds what others have finished, and complete() says
/// whether that is everything.
template <class Look, class Complete, class Compute>
void compute_together(Division& division, const Sharing& sharing, const Look& look, const Complete& complete,
                      const Compute& compute) {
  compute(false);
  if (!sharing.with_others()) return;
  compute(true);
  while (division.waits() && !complete()) {
    division.pause();
    look();
    compute(true);
  }
  look();
  if (complete()) division.end();
}

/// The division that options.sharing asks for. Claims stand in options.store.
std::unique_ptr<Division> division_of(const Options& options, const std::vector<Panel>& panels);

/// The pieces of one part of a kernel. All pieces count from 0, panel by panel, in a row that is cut into shares of
/// about the same number of entries, so that a process works in few panels.
Range pieces_of(const Shard& shard, const std::vector<Panel>& panels);

}  // namespace xtangent::ntk
