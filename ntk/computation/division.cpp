#include "ntk/computation/division.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "ntk/computation/claims.hpp"

namespace xtangent::ntk {
namespace {

class Everything : public Division {
 public:
  bool take(std::size_t, std::size_t) override { return true; }
};

class FixedShard : public Division {
 public:
  FixedShard(const Shard& shard, const std::vector<Panel>& panels) : own_(pieces_of(shard, panels)) {
    std::size_t pieces = 0;
    for (const Panel& panel : panels) {
      first_.push_back(pieces);
      pieces += panel.columns.size();
    }
  }
  bool take(std::size_t panel, std::size_t column) override {
    const std::size_t piece = first_[panel] + column;
    return own_.first <= piece && piece < own_.last;
  }

 private:
  Range own_;
  std::vector<std::size_t> first_;  // the first piece of each panel
};

std::string number(std::size_t n) {
  char text[24];
  std::snprintf(text, sizeof text, "%05zu", n);
  return text;
}

class Claimed : public Division {
 public:
  explicit Claimed(const Options& options)
      : folder_(options.store),
        claims_(folder_, options.sharing),
        pause_(std::min(1.0, options.sharing.patience / 8)) {}
  bool take(std::size_t panel, std::size_t column) override {
    return claims_.take(number(panel).append("-").append(number(column)));
  }
  void finish() override { claims_.release(); }
  bool waits() const override { return true; }
  void pause() override { std::this_thread::sleep_for(std::chrono::duration<double>(pause_)); }
  void end() override {
    claims_.release();
    remove_claims(folder_);
  }

 private:
  std::filesystem::path folder_;
  Claims claims_;
  double pause_;  // seconds
};

}  // namespace

std::unique_ptr<Division> division_of(const Options& options, const std::vector<Panel>& panels) {
  switch (options.sharing.mode) {
    case Sharing::Mode::claims:
      return std::make_unique<Claimed>(options);
    case Sharing::Mode::shard:
      return std::make_unique<FixedShard>(options.sharing.shard, panels);
    case Sharing::Mode::exclusive:
      break;
  }
  return std::make_unique<Everything>();
}

Range pieces_of(const Shard& shard, const std::vector<Panel>& panels) {
  // In whole numbers, so that all machines cut alike.
  std::vector<std::size_t> middles;  // twice the entries up to the middle of each piece
  std::size_t before = 0;
  for (const Panel& panel : panels)
    for (const ColumnOfTiles& column : panel.columns) {
      const std::size_t entries = column.rows.size() * column.examples.size();
      middles.push_back(2 * before + entries);
      before += entries;
    }
  const auto first_of = [&](std::size_t part) {
    const auto at = std::find_if(middles.begin(), middles.end(),
                                 [&](std::size_t middle) { return middle * shard.count >= 2 * before * part; });
    return static_cast<std::size_t>(at - middles.begin());
  };
  return {first_of(shard.index), first_of(shard.index + 1)};
}

}  // namespace xtangent::ntk
