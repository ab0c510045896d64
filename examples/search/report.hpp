#pragma once

#include "examples/search/ranking.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string search_summary(const SearchStudy& study);
/// Kendall's tau of each score, with its interval.
std::string say_ranking(const SearchStudy& study);
/// Which scores rank better than the number of parameters, and which do not.
std::string say_advantage(const SearchStudy& study);
/// How accurate the networks are that the scores choose.
std::string say_choice(const SearchStudy& study);
/// What a score costs beside a training.
std::string say_costs(const SearchStudy& study);

/// Kendall's tau of each score, over all networks and over either family.
std::string search_figure(const SearchStudy& study);
/// Test error against scores, one dot a network.
std::string scores_figure(const SearchStudy& study);
std::string search_report(const SearchStudy& study);
/// One line for each network and seed.
std::string search_csv(const SearchStudy& study);

}  // namespace xtangent::examples
