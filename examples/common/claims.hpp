#pragma once

#include <string>
#include <vector>

#include "examples/common/fit.hpp"
#include "examples/common/page.hpp"

/// Claims of the source, what was measured, and whether the numbers bear them out.
namespace xtangent::examples {

enum class Outcome {
  held,
  not_held,
  undecided,  ///< the interval is too wide, or there is none
};
/// "held", "did not hold", "undecided".
std::string name(Outcome outcome);

struct Claim {
  std::string claim, of, measured;  ///< HTML; `of` names the networks and images
  Outcome outcome = Outcome::undecided;
};

/// A paragraph of HTML for each different claim: the claim, and for each network what was measured and whether it held.
std::vector<std::string> sentences(const std::vector<Claim>& claims);
/// The claims with the networks for which each held, did not hold, or is undecided.
Table summary_of(const std::vector<Claim>& claims);

/// Whether a quantity falls at least as width^exponent, for an exponent below 0: the interval of the slope reaches down
/// to it, and lies below 0.
Outcome falls_at_least_as(const PowerLaw& law, double exponent);
/// Whether a quantity falls at all, or grows: the interval of the slope lies below 0, or above.
Outcome falls(const PowerLaw& law);
Outcome grows(const PowerLaw& law);
/// Whether an interval lies between two bounds. It is held where all of it does, and not where none of it does.
Outcome lies_between(double low, double high, double least, double greatest);

/// "−0.53 ± 0.02, 95 % interval −0.57 to −0.49"; without a spare point the slope alone.
std::string with_interval(const PowerLaw& law);
/// "slope −0.53 ± 0.02", for legends.
std::string short_slope(const PowerLaw& law);

}  // namespace xtangent::examples
