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

// The text of a claim, or nothing where there is none. What is longer than a claim is cut.
std::optional<std::string> read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::array<char, 1024> text{};
  in.read(text.data(), text.size());
  return std::string(text.data(), static_cast<std::size_t>(in.gcount()));
}

bool belongs(const fs::path& file, const std::string& token) {
  const std::optional<std::string> text = read(file);
  const std::optional<Claimant> claimant = text ? parse_claim(*text) : std::nullopt;
  return claimant && claimant->token == token;
}

std::string described(const std::optional<Claimant>& claimant) {
  return claimant ? "process " + std::to_string(claimant->process) + " on " + claimant->host
                  : std::string("nobody, since its file is damaged");
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
        if (const auto text = read(entry)) seen_[name.substr(std::string(prefix).size())] = {*text, long_ago};
  }
  heart_ = std::jthread([this](std::stop_token stop) { keep_beating(std::move(stop)); });
}

Claims::~Claims() { release(); }

bool Claims::take(const std::string& name) {
  release();
  if (!is_free(name)) return false;
  const std::lock_guard lock(mutex_);
  self_.beat = 0;
  self_.token = random_letters(16);
  if (!make_once(file(name), self_.text())) return false;
  held_ = name;
  return true;
}

void Claims::release() {
  const std::lock_guard lock(mutex_);
  if (held_.empty()) return;
  std::error_code none;
  if (holds_still()) fs::remove(file(held_), none);
  held_.clear();
}

bool Claims::any(const std::string& beginning) const {
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    if (name.starts_with(prefix + beginning) && name.find('.') == name.npos) return true;
  }
  return false;
}

// Whether nobody holds a claim. That of a dead process is moved away first.
bool Claims::is_free(const std::string& name) {
  const std::optional<std::string> text = read(file(name));
  if (!text) return true;
  const std::optional<Claimant> claimant = parse_claim(*text);
  const auto [at, first] = seen_.try_emplace(name, Seen{*text, Clock::now()});
  Seen& seen = at->second;
  if (first && !claimant) note(file(name).string() + " is a damaged claim. It counts as one of a dead process.");
  if (seen.text != *text) seen = {*text, Clock::now()};
  if (claimant && is_gone(*claimant)) return move_away(name, *text);
  return Clock::now() - seen.since >= seconds(sharing_.patience) && move_away(name, *text);
}

// Moves a claim away that has this text. Of several processes that do so one succeeds.
bool Claims::move_away(const std::string& name, const std::string& text) {
  const fs::path away = file(name).concat(".stale-" + random_letters(16));
  std::error_code code, none;
  fs::rename(file(name), away, code);
  const std::optional<std::string> moved = read(away);
  if (moved && *moved != text) {
    // Between the look and the move another process was faster, and this is its new claim.
    fs::create_hard_link(away, file(name), none);
    fs::remove(away, none);
    return false;
  }
  fs::remove(away, none);
  seen_.erase(name);
  if (!code) note("Took over " + file(name).string() + ", a claim of " + described(parse_claim(text)) + ".");
  return true;
}

void Claims::note(const std::string& sentence) const {
  if (sharing_.notice) sharing_.notice(sentence);
}

bool Claims::holds_still() const { return belongs(file(held_), self_.token); }

// Replaces the claim that is held by one that counts further. Errors wait for the work itself, which will meet them.
void Claims::beat() {
  const std::lock_guard lock(mutex_);
  if (held_.empty() || !holds_still()) return;
  ++self_.beat;
  const fs::path next = file(held_).concat(".new-" + self_.token);
  std::ofstream out(next, std::ios::binary);
  out << self_.text();
  out.close();
  std::error_code code, none;
  if (out) fs::rename(next, file(held_), code);
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
