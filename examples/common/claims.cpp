#include "examples/common/claims.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

// Claims of the same words, in the order in which they first come.
std::vector<std::vector<const Claim*>> by_claim(const std::vector<Claim>& claims) {
  std::vector<std::vector<const Claim*>> out;
  for (const Claim& claim : claims) {
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const auto& o) { return o.front()->claim == claim.claim; });
    if (same == out.end())
      out.push_back({&claim});
    else
      same->push_back(&claim);
  }
  return out;
}

}  // namespace

std::string name(Outcome outcome) {
  switch (outcome) {
    case Outcome::held:
      return "held";
    case Outcome::not_held:
      return "did not hold";
    case Outcome::undecided:
      break;
  }
  return "undecided";
}

std::vector<std::string> sentences(const std::vector<Claim>& claims) {
  std::vector<std::string> out;
  for (const std::vector<const Claim*>& same : by_claim(claims)) {
    std::string text = "<b>" + same.front()->claim + ".</b> Measured";
    for (const Claim* one : same)
      text += (one == same.front() ? ": " : "; ") + (one->of.empty() ? "" : one->of + ", ") + one->measured + ": <b>" +
              name(one->outcome) + "</b>";
    out.push_back(text + ".");
  }
  return out;
}

Table summary_of(const std::vector<Claim>& claims) {
  Table out{.head = {"claim", "held", "did not hold", "undecided"}, .rows = {}, .text_columns = 4};
  for (const std::vector<const Claim*>& same : by_claim(claims)) {
    std::vector<std::string> row = {"<div class=\"long\">" + same.front()->claim + "</div>"};
    for (const Outcome outcome : {Outcome::held, Outcome::not_held, Outcome::undecided}) {
      std::string names;
      for (const Claim* one : same)
        if (one->outcome == outcome)
          names += (names.empty() ? "" : "<br>") + (one->of.empty() ? std::string("yes") : one->of);
      row.push_back(names.empty() ? "–" : names);
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

Outcome falls_at_least_as(const PowerLaw& law, double exponent) {
  if (!std::isfinite(law.error)) return Outcome::undecided;
  if (law.low > exponent) return Outcome::not_held;
  return law.high < 0 ? Outcome::held : Outcome::undecided;
}

Outcome falls(const PowerLaw& law) {
  if (!std::isfinite(law.error)) return Outcome::undecided;
  return law.high < 0 ? Outcome::held : law.low > 0 ? Outcome::not_held : Outcome::undecided;
}

Outcome grows(const PowerLaw& law) {
  if (!std::isfinite(law.error)) return Outcome::undecided;
  return law.low > 0 ? Outcome::held : law.high < 0 ? Outcome::not_held : Outcome::undecided;
}

Outcome lies_between(double low, double high, double least, double greatest) {
  if (!(low <= high)) return Outcome::undecided;
  if (low >= least && high <= greatest) return Outcome::held;
  return high < least || low > greatest ? Outcome::not_held : Outcome::undecided;
}

std::string with_interval(const PowerLaw& law) {
  if (!std::isfinite(law.error)) return power(law.slope) + " without an interval";
  return power(law.slope) + " ± " + fixed(law.error, 2) + ", 95 % interval " + power(law.low) + " to " +
         power(law.high);
}

std::string short_slope(const PowerLaw& law) {
  return "slope " + power(law.slope) + (std::isfinite(law.error) ? " ± " + fixed(law.error, 2) : std::string());
}

}  // namespace xtangent::examples
