#include "ntk/computation/claims.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "ntk/computation/store_folder.hpp"

namespace xtangent::ntk {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char *head = "xtangent claim, 1", *prefix = "claim-";
constexpr int beats_in_patience = 8;

std::chrono::duration<double> seconds(double count) { return std::chrono::duration<double>(count); }

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The text of a claim, or nothing where there is none. What is longer than a claim is cut, and what cannot be read is
// empty.
std::optional<std::string> read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in && errno == ENOENT) return std::nullopt;
  std::array<char, 1024> text{};
  in.read(text.data(), text.size());
  return std::string(text.data(), static_cast<std::size_t>(in.gcount()));
}

bool belongs(const fs::path& file, const std::string& token) {
  const std::optional<std::string> text = read(file);
  const std::optional<Claimant> claimant = text ? parse_claim(*text) : std::nullopt;
  return claimant && claimant->token == token;
}

}  // namespace

std::string Claimant::text() const {
  std::ostringstream out;
  out << head << "\nhost " << host << "\nboot " << boot << "\nspace " << space << "\nprocess " << process << "\ntoken "
      << token << "\nbeat " << beat << "\n";
  return out.str();
}

Claimant this_process() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::error_code none;
  Claimant out{host.data(), first_line("/proc/sys/kernel/random/boot_id"), fs::read_symlink("/proc/self/ns/pid", none),
               ::getpid(), random_letters(16)};
  return out;
}

std::optional<Claimant> parse_claim(const std::string& text) {
  std::istringstream in(text);
  const auto line_after = [&](const std::string& name) {
    std::string line;
    std::getline(in, line);
    if (!line.starts_with(name)) in.setstate(std::ios::failbit);
    return in ? line.substr(name.size()) : std::string();
  };
  const auto number = [&in](const std::string& digits, auto& value) {
    if (!(std::istringstream(digits) >> value)) in.setstate(std::ios::failbit);
  };
  Claimant out;
  line_after(head);
  out.host = line_after("host ");
  out.boot = line_after("boot ");
  out.space = line_after("space ");
  number(line_after("process "), out.process);
  out.token = line_after("token ");
  number(line_after("beat "), out.beat);
  if (!in || out.text() != text) return std::nullopt;
  return out;
}

bool is_gone(const Claimant& claimant) {
  const Claimant here = this_process();
  const bool ours = claimant.host == here.host && claimant.boot == here.boot && claimant.space == here.space &&
                    !here.boot.empty() && !here.space.empty();
  return ours && claimant.process > 0 && ::kill(static_cast<pid_t>(claimant.process), 0) != 0 && errno == ESRCH;
}

Claims::Claims(fs::path folder, const Sharing& sharing)
    : folder_(std::move(folder)), sharing_(sharing), self_(this_process()) {
  if (sharing_.take_over) {
    const auto long_ago = Clock::now() - std::chrono::duration_cast<Clock::duration>(seconds(sharing_.patience));
    for (const fs::path& entry : entries(folder_))
      if (const std::string name = entry.filename().string(); name.starts_with(prefix))
        if (const auto text = read(entry)) seen_[entry] = {*text, long_ago};
  }
  heart_ = std::jthread([this](std::stop_token stop) { keep_beating(std::move(stop)); });
}

Claims::~Claims() { release(); }

bool Claims::take(const std::string& name) {
  release();
  const fs::path file = folder_ / (prefix + name);
  std::vector<fs::path> files = {file};
  std::string holder;
  while (const std::optional<std::string> text = read(files.back())) {
    if (!is_dead(files.back(), *text)) return false;
    const std::optional<Claimant> claimant = parse_claim(*text);
    holder = claimant ? "process " + std::to_string(claimant->process) + " on " + claimant->host : "nobody";
    files.push_back(fs::path(file).concat(".").concat(std::to_string(files.size())));
  }
  const std::lock_guard lock(mutex_);
  self_.beat = 0;
  self_.token = random_letters(16);
  if (!make_once(files.back(), self_.text())) return false;
  held_ = std::move(files);
  if (held_.size() > 1) note("Took over " + file.string() + ", a claim of " + holder + ".");
  return true;
}

void Claims::release() {
  const std::lock_guard lock(mutex_);
  std::error_code none;
  if (holds_still())
    for (const fs::path& file : held_) fs::remove(file, none);
  held_.clear();
}

// Whether the process of a claim is dead. It counts as such if the text has not changed for a time.
bool Claims::is_dead(const fs::path& file, const std::string& text) {
  const auto [at, first] = seen_.try_emplace(file, SeenClaim{text, Clock::now()});
  SeenClaim& seen = at->second;
  const std::optional<Claimant> claimant = parse_claim(text);
  if (!first && seen.text != text) seen = {text, Clock::now()};
  const bool unchanged = Clock::now() - seen.since >= seconds(sharing_.patience);
  // Only now: on a share of several machines a claim that is just released or replaced can look damaged for a moment.
  if (unchanged && !claimant) note(file.string() + " is a damaged claim. It counts as one of a dead process.");
  return unchanged || (claimant && is_gone(*claimant));
}

void Claims::note(const std::string& sentence) const {
  if (sharing_.notice) sharing_.notice(sentence);
}

bool Claims::holds_still() const { return !held_.empty() && belongs(held_.back(), self_.token); }

// Replaces the claim that is held by one that counts further. Errors wait for the work itself, which will meet them.
void Claims::beat() {
  const std::lock_guard lock(mutex_);
  if (!holds_still()) return;
  ++self_.beat;
  const fs::path next = fs::path(held_.back()).concat(".new-" + self_.token);
  std::ofstream out(next, std::ios::binary);
  out << self_.text();
  out.close();
  std::error_code code, none;
  if (out) fs::rename(next, held_.back(), code);
  if (!out || code) fs::remove(next, none);
}

void Claims::keep_beating(std::stop_token stop) {
  std::mutex own;
  std::unique_lock lock(own);
  while (!stop.stop_requested()) {
    waiting_.wait_for(lock, stop, seconds(sharing_.patience / beats_in_patience), [] { return false; });
    if (!stop.stop_requested()) beat();
  }
}

void remove_claims(const fs::path& folder) {
  std::error_code none;
  for (const fs::path& entry : entries(folder))
    if (entry.filename().string().starts_with(prefix)) fs::remove(entry, none);
}

}  // namespace xtangent::ntk
