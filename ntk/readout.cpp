#include "ntk/readout.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "autodiff/error.hpp"
#include "ntk/per_example.hpp"

namespace xtangent::ntk {
namespace {

// splitmix64, which makes one well-mixed word for each counter.
std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

std::size_t Readout::columns(std::size_t outputs, Of side) const {
  if (kind == Kind::full) return outputs;
  if (kind == Kind::random_signs) return count;
  if (kind == Kind::per_example) return (side == Of::rows ? of_rows : of_columns)->columns(outputs);
  return kind == Kind::custom ? matrix.shape().back() : 1;
}

std::string Readout::name() const {
  if (kind == Kind::full && reduction == Reduction::trace) return "trace";
  if (kind == Kind::full && reduction == Reduction::diagonal) return "diagonal";
  switch (kind) {
    case Kind::full:
      return "full";
    case Kind::pseudo:
      return "pseudo";
    case Kind::single:
      return "single:" + std::to_string(output);
    case Kind::random_signs: {
      std::string text = "signs:";
      text.append(std::to_string(seed));
      if (count > 1) text.append("x").append(std::to_string(count));
      return text;
    }
    case Kind::per_example:
      return same_sides() ? of_rows->name() : of_rows->name() + " and " + of_columns->name();
    case Kind::custom:
      break;
  }
  return "custom";
}

void Readout::check(std::size_t outputs) const {
  if (kind == Kind::custom && matrix.shape()[0] != outputs)
    throw shape_error("[readout custom] matrix " + to_string(matrix.shape()) + " for a network of " +
                      std::to_string(outputs) + " outputs: it must be (" + std::to_string(outputs) + ", K).");
  if (kind == Kind::single && output >= outputs)
    throw shape_error("[readout single] output " + std::to_string(output) + " of a network of " +
                      std::to_string(outputs) + " outputs.");
  if (!common()) {
    of_rows->check(outputs);
    of_columns->check(outputs);
  }
  for (const Of side : {Of::rows, Of::columns})
    if (columns(outputs, side) == 0)
      throw shape_error("[readout] " + name() + " has no columns for a network of " + std::to_string(outputs) +
                        " outputs: its kernel is empty.");
  if (common()) return;
  const std::size_t k = of_rows->columns(outputs), j = of_columns->columns(outputs);
  if (k != j && reduction != Reduction::none)
    throw shape_error("[readout] " + std::to_string(k) + " columns of " + of_rows->name() + " and " +
                      std::to_string(j) + " of " + of_columns->name() + " for a network of " + std::to_string(outputs) +
                      " outputs: the " + (reduction == Reduction::trace ? "trace" : "diagonal") +
                      " of a block needs the same number on both sides. Use the reduction none.");
}

void Readout::check_examples(std::size_t rows, std::size_t columns, bool two_sets) const {
  if (common()) return;
  if (two_sets && same_sides() && of_rows->examples())
    throw option_error("[readout] " + name() +
                       " is of one set of examples, and the kernel is between two. Use readout::between with one "
                       "readout for each of them.");
  const auto one = [](const PerExample& side, std::size_t count, const char* where) {
    if (side.examples().value_or(count) != count)
      throw shape_error("[readout " + side.name() + "] is for " + std::to_string(*side.examples()) +
                        " examples, and there are " + std::to_string(count) + where + ".");
  };
  one(*of_rows, rows, two_sets ? " in the rows" : "");
  one(*of_columns, columns, two_sets ? " in the columns" : "");
}

Array<double> Readout::weights(std::size_t outputs) const {
  check(outputs);
  if (!common())
    throw option_error("[readout] " + name() +
                       " differs between examples, and here a readout that they share is needed, such as pseudo.");
  if (kind == Kind::custom) return matrix;
  const double scale = 1.0 / std::sqrt(static_cast<double>(outputs));
  const std::size_t c = columns(outputs);
  Array<double> r = Array<double>::full({outputs, c}, kind == Kind::pseudo ? scale : 0.0);
  double* w = r.mutable_data();
  if (kind == Kind::full)
    for (std::size_t o = 0; o < outputs; ++o) w[o * c + o] = 1.0;
  if (kind == Kind::single) w[output] = 1.0;
  if (kind == Kind::random_signs)
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t j = 0; j < c; ++j) w[o * c + j] = mix(mix(seed) + j * outputs + o) & 1 ? scale : -scale;
  return r;
}

namespace readout {
Readout full() { return {}; }
Readout pseudo() {
  Readout r;
  r.kind = Readout::Kind::pseudo;
  return r;
}
Readout single(std::size_t output) {
  Readout r;
  r.kind = Readout::Kind::single;
  r.output = output;
  return r;
}
Readout random_signs(std::uint64_t seed, std::size_t count) {
  if (count == 0) throw option_error("[readout random_signs] the count is 0. Give a count of at least 1.");
  Readout r;
  r.kind = Readout::Kind::random_signs;
  r.seed = seed;
  r.count = count;
  if (count > 1) r.reduction = Readout::Reduction::trace;
  return r;
}
Readout custom(Array<double> matrix) {
  if (matrix.rank() != 2 || matrix.size() == 0)
    throw shape_error("[readout custom] needs a matrix (O, K), got " + to_string(matrix.shape()) + ".");
  if (!all_finite(matrix)) throw numerical_error("[readout custom] the matrix holds NaN or infinity.");
  Readout r;
  r.kind = Readout::Kind::custom;
  r.matrix = std::move(matrix);
  return r;
}
Readout trace() {
  Readout r;
  r.reduction = Readout::Reduction::trace;
  return r;
}
Readout diagonal() {
  Readout r;
  r.reduction = Readout::Reduction::diagonal;
  return r;
}

Readout parse(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  if (text == "full") return full();
  if (text == "pseudo") return pseudo();
  if (text == "trace") return trace();
  if (text == "diagonal") return diagonal();
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view kind = text.substr(0, colon), value = text.substr(std::min(text.size(), colon + 1));
  if (kind == "single")
    if (const auto output = number(value)) return single(*output);
  if (kind == "fisher")
    if (const auto seed = number(value)) return fisher(*seed);
  if (kind == "signs") {
    const std::size_t times = value.find('x');
    const auto seed = number(value.substr(0, times));
    const auto count = times == value.npos ? std::optional<std::uint64_t>(1) : number(value.substr(times + 1));
    if (seed && count && *count > 0) return random_signs(*seed, *count);
  }
  throw option_error(
      "[readout] no readout \"" + std::string(text) +
      "\". There are: full, pseudo, trace, diagonal, single:OUTPUT, signs:SEED, signs:SEEDxCOUNT and fisher:SEED, "
      "for example single:3, signs:7, signs:7x4; and with labels: labels, log_probability, margin, loss, lpntk.");
}
}  // namespace readout

}  // namespace xtangent::ntk
