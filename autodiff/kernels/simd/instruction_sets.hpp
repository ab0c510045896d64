#pragma once

#include <vector>

/// The instruction sets that the innermost loops are compiled for.
namespace xtangent::kernels {

enum class InstructionSet { baseline, avx2, avx512 };

/// Those that this processor runs, the plainest first; the last one is what the library uses.
const std::vector<InstructionSet>& usable_instruction_sets();

/// The loops of one set: Table is Loops, Direct, WinogradTransforms or Shifts, of float or double, or Bfloat16Loops.
/// Only for a usable set.
template <class Table>
const Table& table_of(InstructionSet set);

/// Those of all usable sets.
template <class Table>
std::vector<const Table*> usable_tables() {
  std::vector<const Table*> out;
  for (const InstructionSet set : usable_instruction_sets()) out.push_back(&table_of<Table>(set));
  return out;
}

}  // namespace xtangent::kernels
