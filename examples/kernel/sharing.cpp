#include "examples/kernel/sharing.hpp"

#include <cstdio>

#include "examples/common/options.hpp"

namespace xtangent::examples {

void sharing_options(CLI::App& app, SharingSettings& s, CLI::Option* of_folder) {
  CLI::Option* share =
      app.add_flag("--share", s.share, "Compute with all processes that run this command, each on what is left");
  CLI::Option* shard =
      option(app, "--shard", s.shard, "I/N", "Compute the I-th of N parts and end; auto: by SLURM or MPI")
          ->check(named())
          ->excludes(share)
          ->default_str("none");
  if (of_folder) {
    share->needs(of_folder);
    shard->needs(of_folder);
  }
  app.add_flag("--take-over", s.take_over, "With --share: what processes had that are dead for sure, at once")
      ->needs(share);
  option(app, "--patience", s.patience, "S", "With --share: seconds until a silent process counts as dead")
      ->check(positive())
      ->needs(share)
      ->capture_default_str();
}

ntk::Sharing sharing_of(const SharingSettings& s, const std::string& program) {
  using Mode = ntk::Sharing::Mode;
  ntk::Sharing out;
  out.mode = s.share ? Mode::claims : s.shard.empty() ? Mode::exclusive : Mode::shard;
  if (out.mode == Mode::shard) out.shard = ntk::parse_shard(s.shard);
  out.patience = s.patience;
  out.take_over = s.take_over;
  out.notice = [program](const std::string& sentence) {
    std::fprintf(stderr, "\n%s: %s\n", program.c_str(), sentence.c_str());
  };
  return out;
}

namespace {

std::string missing(const ntk::Shard& shard, std::size_t finished, std::size_t all, const std::string& what,
                    const std::filesystem::path& folder) {
  return "part " + std::to_string(shard.index + 1) + " of " + std::to_string(shard.count) + " is finished; " +
         std::to_string(finished) + " of all " + std::to_string(all) + " " + what + " are in " + folder.string() + ".";
}

}  // namespace

std::string missing_parts(const ntk::StoredKernel& kernel, const ntk::Shard& shard, const std::string& then) {
  if (kernel.complete()) return {};
  return missing(shard, kernel.finished(), kernel.tiles(), "tiles", kernel.folder()) + " When all are, " + then + ".";
}

std::string missing_parts(const ntk::StoredFeatures& features, const ntk::Shard& shard) {
  if (features.complete()) return {};
  return missing(shard, features.finished(), features.parts(), "files", features.folder());
}

}  // namespace xtangent::examples
