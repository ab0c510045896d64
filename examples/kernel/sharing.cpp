#include "examples/kernel/sharing.hpp"

#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <thread>

#include "autodiff/error.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/options.hpp"
#include "ntk/computation/claims.hpp"

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
  app.add_flag("--take-over", s.take_over, "With --share: take what others claim without waiting; they must be dead")
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

namespace fs = std::filesystem;

// Not a device, a FIFO, or this process's own stream by its name.
bool is_replaced(const fs::path& file) {
  std::error_code none;
  const fs::path folder = fs::canonical(file.has_parent_path() ? file.parent_path() : fs::path("."), none);
  const fs::path top = folder.begin() == folder.end() ? fs::path() : *std::next(folder.begin(), folder != "/");
  return top != "dev" && top != "proc" && (!fs::exists(file, none) || fs::is_regular_file(file, none));
}

// Waits for the claim of a file, or returns none where its folder takes no claims: then each process writes the file.
std::unique_ptr<ntk::Claims> claim_of(const fs::path& file, const ntk::Sharing& sharing) {
  try {
    auto claims = std::make_unique<ntk::Claims>(file.has_parent_path() ? file.parent_path() : fs::path("."), sharing);
    while (!claims->take(file.filename().string())) {
      end_if_interrupted();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return claims;
  } catch (const data_error&) {
    return nullptr;
  }
}

std::string missing(const ntk::Shard& shard, std::size_t finished, std::size_t all, const std::string& what,
                    const std::filesystem::path& folder) {
  return "part " + std::to_string(shard.index + 1) + " of " + std::to_string(shard.count) + " is finished; " +
         std::to_string(finished) + " of all " + std::to_string(all) + " " + what + " are in " + folder.string() + ".";
}

}  // namespace

std::uint64_t file_number(const fs::path& file) {
  struct stat about {};
  return ::stat(file.c_str(), &about) == 0 ? about.st_ino : 0;
}

void write_together(const ntk::StoredKernel& kernel, const fs::path& file, std::uint64_t before,
                    const ntk::Sharing& sharing) {
  if (sharing.mode != ntk::Sharing::Mode::claims || !is_replaced(file)) return kernel.write_npy(file);
  const std::unique_ptr<ntk::Claims> claim = claim_of(file, sharing);
  if (!claim || file_number(file) == before) kernel.write_npy(file);
}

std::string missing_parts(const ntk::StoredKernel& kernel, const ntk::Shard& shard, const std::string& then) {
  if (kernel.complete()) return {};
  return missing(shard, kernel.finished(), kernel.tiles(), "tiles", kernel.folder()) + " When all are, " + then + ".";
}

std::string missing_parts(const ntk::StoredFeatures& features, const ntk::Shard& shard) {
  if (features.complete()) return {};
  return missing(shard, features.finished(), features.parts(), "files", features.folder());
}

}  // namespace xtangent::examples
