#include "ntk/computation/shared_folder.hpp"

#include <utility>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "ntk/computation/claims.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using store_format::fail;
using store_format::manifest_name;

SharedFolder::SharedFolder(fs::path folder, bool share, std::string what, std::string parts, std::string prefix,
                           bool (*is_part)(const std::string&))
    : folder_(std::move(folder)),
      share_(share),
      what_(std::move(what)),
      parts_(std::move(parts)),
      prefix_(std::move(prefix)),
      is_part_(is_part) {
  nn::require_writable_folder(folder_);
  lock_.emplace(folder_, share);
}

// Several processes may do this at once: the first one makes the manifest, which all then compare with their settings.
void SharedFolder::begin(const std::string& manifest, double bytes) const {
  try {
    require_empty(folder_, manifest_name, what_);
  } catch (const data_error&) {
    if (share_ && has_manifest(folder_)) return;  // another process was faster and has put parts there already
    throw;
  }
  require_space(folder_, bytes, what_);
  const fs::path file = folder_ / manifest_name;
  if (share_) {
    make_once(file, manifest);
    return;
  }
  nn::remove_unfinished(file);
  nn::write_file(file, {manifest});
}

void SharedFolder::tidy_up_alone() {
  if (!share_) remove_leftovers();
}

void SharedFolder::require_manifest() const {
  if (!has_manifest(folder_))
    fail(folder_, std::string(manifest_name) +
                      " is not there any more. Was the folder removed, or has its disk gone? Finished " + parts_ +
                      " are where they were; the same call continues them.");
}

void SharedFolder::tidy_up_at_the_end() {
  if (!std::exchange(tidy_, true)) remove_leftovers();
}

void SharedFolder::remove_leftovers() const {
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    if ((name.starts_with(prefix_) && !is_part_(name)) || name.starts_with(nn::probe_name) ||
        name.starts_with(std::string(manifest_name) + ".new-"))
      remove_entry(entry, what_);
  }
  remove_claims(folder_);
}

}  // namespace xtangent::ntk
