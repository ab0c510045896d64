#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ntk/sharing.hpp"

/// Claims: which of several processes works on what in a shared folder.
///
/// A claim is a small file, claim-NAME, that says who holds it. Of those who want it one gets it, because a hard link
/// is made once, on network file systems too. As long as its process works on it, a thread counts up the beat in it. A
/// claim whose text did not change for Sharing::patience is of a dead process, whatever it says, and so is one of this
/// machine whose process is gone. It is left where it is: whoever takes it over makes claim-NAME.1 by a link, and so
/// on.
///
/// Two processes can end up with one claim where a live one was taken for dead. So claims save work, and nothing but
/// work may depend on them.
namespace xtangent::ntk {

/// The text of a claim.
struct Claimant {
  std::string host, boot, space;  ///< the machine, its boot, and its space of process numbers (of a container)
  std::int64_t process = 0;
  std::string token;  ///< random letters, which tell this holder from all others
  std::uint64_t beat = 0;

  std::string text() const;
  bool operator==(const Claimant&) const = default;
};
/// This process, with a token of its own.
Claimant this_process();
/// The claimant in a text, or nothing where the text is no claim.
std::optional<Claimant> parse_claim(const std::string& text);
/// Whether it is certain that the process is gone: it was one of this machine since it was started, and is not there.
bool is_gone(const Claimant& claimant);

/// The text of a claim of another process, and since when it has not changed.
struct SeenClaim {
  std::string text;
  std::chrono::steady_clock::time_point since;
};

/// The claims of one process in one folder, of which it holds at most one at a time.
class Claims {
 public:
  Claims(std::filesystem::path folder, const Sharing& sharing);
  /// Releases what is held.
  ~Claims();
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  /// Takes a claim. False where another process holds it. Throws data_error (the folder cannot be written, or its file
  /// system has no hard links).
  bool take(const std::string& name);
  /// Gives up the claim that is held.
  void release();

 private:
  bool is_dead(const std::filesystem::path& file, const std::string& text);
  void note(const std::string& sentence) const;
  bool holds_still() const;
  void beat();
  void keep_beating(std::stop_token stop);

  std::filesystem::path folder_;
  Sharing sharing_;
  std::map<std::filesystem::path, SeenClaim> seen_;  // claims of others
  std::mutex mutex_;                                 // of what follows, which the beating thread changes
  std::condition_variable_any waiting_;
  Claimant self_;
  std::vector<std::filesystem::path> held_;  // the file of the claim that is held, behind those that were taken over
  std::jthread heart_;
};

/// Removes all claims in a folder and what is left of them, when there is nothing more to do.
void remove_claims(const std::filesystem::path& folder);

}  // namespace xtangent::ntk
