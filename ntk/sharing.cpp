#include "ntk/sharing.hpp"

#include <charconv>
#include <cstdlib>
#include <optional>

#include "autodiff/error.hpp"

namespace xtangent::ntk {
namespace {

std::optional<std::size_t> whole(std::string_view text) {
  std::size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(const std::string& what) {
  throw option_error("[shard] " + what + " Write the number of the part and how many there are, such as 2/4, or auto.");
}

// The number in a variable, or nothing where it is not set.
std::optional<std::size_t> variable(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  const std::optional<std::size_t> value = whole(text);
  if (!value) refuse(std::string("auto: ").append(name).append(" is '").append(text).append("'."));
  return value;
}

std::optional<Shard> among(const char* rank, const char* size) {
  const std::optional<std::size_t> index = variable(rank), count = variable(size);
  if (!index || !count) return std::nullopt;
  if (*index >= *count)
    refuse(std::string("auto: ").append(rank).append(" is ").append(std::to_string(*index)) + ", but " + size + " is " +
           std::to_string(*count) + ".");
  return Shard{*index, *count};
}

std::optional<Shard> rank() {
  for (const auto& [own, size] : {std::pair("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                                  std::pair("PMI_RANK", "PMI_SIZE"), std::pair("SLURM_PROCID", "SLURM_NTASKS")})
    if (const auto found = among(own, size)) return found;
  return std::nullopt;
}

std::optional<Shard> array_task() {
  const std::optional<std::size_t> task = variable("SLURM_ARRAY_TASK_ID"), count = variable("SLURM_ARRAY_TASK_COUNT");
  if (!task || !count) return std::nullopt;
  const std::size_t first = variable("SLURM_ARRAY_TASK_MIN").value_or(0),
                    step = variable("SLURM_ARRAY_TASK_STEP").value_or(1);
  if (step == 0 || *task < first || (*task - first) % step != 0 || (*task - first) / step >= *count)
    refuse("auto: task " + std::to_string(*task) + " is none of " + std::to_string(*count) + " tasks from " +
           std::to_string(first) + " on by steps of " + std::to_string(step) +
           "; the array must be a range, such as 0-7.");
  return Shard{(*task - first) / step, *count};
}

Shard of_environment() {
  const std::optional<Shard> task = array_task(), own = rank();
  if (!task && !own) refuse("auto: no variable says which process of how many this is (of SLURM, Open MPI or PMI).");
  const Shard outer = task.value_or(Shard{}), inner = own.value_or(Shard{});
  return {outer.index * inner.count + inner.index, outer.count * inner.count};
}

}  // namespace

std::size_t shared_memory(std::size_t bytes, const Sharing& sharing) {
  return bytes == 0 && sharing.with_others() ? std::size_t{2} << 30 : bytes;
}

void check_sharing(const Sharing& s, const std::filesystem::path& store) {
  if (!s.with_others()) return;
  if (store.empty()) throw option_error("[ntk] options.sharing: processes share a folder. Name it in options.store.");
  if (!(s.patience > 0 && s.patience < 1e9))
    throw option_error("[ntk] options.sharing.patience: " + std::to_string(s.patience) +
                       " seconds. It must be positive and below 1e9.");
  if (s.mode == Sharing::Mode::shard && s.shard.index >= s.shard.count)
    throw option_error("[ntk] options.sharing.shard: there is no part " + std::to_string(s.shard.index) + " of " +
                       std::to_string(s.shard.count) + ", counted from 0.");
}

Shard parse_shard(std::string_view text) {
  if (text == "auto") return of_environment();
  const std::size_t slash = text.find('/');
  const std::optional<std::size_t> number = whole(text.substr(0, slash)),
                                   count = slash == text.npos ? std::nullopt : whole(text.substr(slash + 1));
  if (!number || !count || *number == 0 || *number > *count)
    refuse(std::string("'").append(text).append("' is no part of a kernel."));
  return {*number - 1, *count};
}

}  // namespace xtangent::ntk
