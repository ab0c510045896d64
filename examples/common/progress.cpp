#include "examples/common/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::size_t columns(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 100;
}

}  // namespace

Progress::Progress(double total, std::FILE* out)
    : out_(out), terminal_(::isatty(::fileno(out)) != 0), total_(total), begin_(Clock::now()) {}

Progress::~Progress() {
  if (drawn_) std::fputc('\n', out_);
}

void Progress::step(std::string what, double weight, double items, std::string unit, double items_done) {
  end_step();
  what_ = std::move(what);
  unit_ = std::move(unit);
  note_.clear();
  weight_ = weight;
  items_ = items;
  done_ = 0;
  running_ = true;
  begin_after(items_done);
  step_begin_ = Clock::now();
  draw(true);
}

void Progress::resume(std::string what, double weight, double items, std::string unit) {
  step(std::move(what), weight, items, std::move(unit));
  resumed_ = true;
}

// So many items of the step were done before the program started.
void Progress::begin_after(double items_done) {
  done_ = step_earlier_ = items_done;
  if (items_ > 0) earlier_ += weight_ * items_done / items_;
  resumed_ = false;
}

void Progress::note(std::string text) {
  due_ |= note_.empty();  // the first note is shown at once
  note_ = std::move(text);
}

void Progress::update(double items_done) {
  if (resumed_) begin_after(std::min(items_done, items_));
  done_ = std::min(items_done, items_);
  draw(false);
}

void Progress::finish() {
  end_step();
  if (!drawn_) return;
  std::fputs("\r\033[K", out_);
  std::fflush(out_);
  drawn_ = false;
}

void Progress::end_step() {
  if (!running_) return;
  running_ = false;
  done_ = items_;
  if (!terminal_) {
    std::fprintf(out_, "%s\n", status(before_ + weight_).c_str());
    std::fflush(out_);
  }
  before_ += weight_;
}

// The fraction of the total weight, from 0 to 1; 1 if there is nothing to do.
double Progress::part(double done) const { return total_ > 0 ? std::clamp(done / total_, 0.0, 1.0) : 1.0; }

// A line such as " 43 %  training, width 256: 12,345 images/s, 21 s left". `done` is in units of the total weight.
std::string Progress::status(double done) const {
  const double fraction = part(done), step_seconds = since(step_begin_);
  const std::string percent = std::to_string(static_cast<int>(std::floor(100 * fraction)));
  std::string text = std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + " %  " + what_;
  if (!note_.empty()) text += ", " + note_;
  const double fresh = done_ - step_earlier_, earlier = part(earlier_);
  if (fresh > 0 && step_seconds > 0) text += ": " + significant(fresh / step_seconds, 2) + " " + unit_ + "/s";
  if (fraction - earlier > 0.01 * (1 - earlier))
    text += ", " + std::to_string(std::lround(since(begin_) / (fraction - earlier) * (1 - fraction))) + " s left";
  return text;
}

void Progress::draw(bool always) {
  if (!terminal_ || (!always && !due_ && drawn_ && since(last_draw_) < 0.1)) return;
  due_ = false;
  constexpr std::size_t cells = 24;
  const double done = before_ + (items_ > 0 ? weight_ * done_ / items_ : 0);
  const auto filled = static_cast<std::size_t>(part(done) * static_cast<double>(cells));
  std::string line;
  for (std::size_t i = 0; i < cells; ++i) line += i < filled ? "█" : "░";
  const std::string text = status(done);
  const std::size_t room = columns(out_) - cells - 3;
  std::fprintf(out_, "\r\033[K%s %s", line.c_str(), text.substr(0, room).c_str());
  std::fflush(out_);
  drawn_ = true;
  last_draw_ = Clock::now();
}

}  // namespace xtangent::examples
