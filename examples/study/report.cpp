#include "examples/study/report.hpp"

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/study/networks.hpp"

namespace xtangent::examples {
namespace {

void add(Page& page, const Section& section) {
  page.section(section.title);
  for (const std::string& text : section.paragraphs) page.paragraph(text);
  for (const std::string& text : sentences(section.claims)) page.paragraph(text);
  for (const ReportFigure& figure : section.figures) page.figure(figure.svg, figure.caption, figure.label);
  for (const auto& [table, caption] : section.tables) page.table(table, caption);
  for (const ReportFigure& figure : section.more_figures) page.figure(figure.svg, figure.caption, figure.label);
}

void add_facts(Page& page, const std::vector<Claim>& claims) {
  for (const Outcome outcome : {Outcome::held, Outcome::not_held, Outcome::undecided}) {
    std::size_t count = 0;
    for (const Claim& claim : claims) count += claim.outcome == outcome;
    page.fact(std::to_string(count), "of " + plural(claims.size(), "claim") +
                                         ", each for one network and its images, " +
                                         (outcome == Outcome::undecided ? "are undecided" : name(outcome)));
  }
}

void add_about(Page& page, const Measurements& about) {
  page.section("How this was measured");
  std::vector<std::pair<std::string, std::string>> lines;
  for (const StudyNetwork& network : study_networks()) lines.emplace_back(network.title, escaped(network.layers));
  for (const Measurement& row : about.rows()) lines.emplace_back(escaped(row.keys[0]), escaped(row.keys[1]));
  lines.insert(lines.end(), {{"Precision", "networks and gradients float, kernels double"},
                             {"Initialization", "that of PyTorch and torchvision"},
                             {"Numbers for programs",
                              "the files .csv beside this page; <code>./run study --report</code> makes the "
                              "page from them alone"},
                             {"Source of the claims",
                              "Mohamadi, Bae, Sutherland: A Fast, Well-Founded Approximation to the Empirical "
                              "Neural Tangent Kernel, ICML 2023"}});
  page.properties(lines);
}

}  // namespace

std::string study_report(const Tables& tables) {
  std::vector<Section> sections;
  std::vector<Claim> claims;
  for (const Part& part : study_parts()) {
    Section section = part.report(tables);
    claims.insert(claims.end(), section.claims.begin(), section.claims.end());
    if (!section.figures.empty() || !section.claims.empty()) sections.push_back(std::move(section));
  }
  if (sections.empty())
    throw data_error(
        "[study] nothing was measured yet in this folder. ./run study measures, and then makes the report.");
  Page page(
      "The pNTK, claim by claim",
      "What the theory and its authors say of the pNTK K as an approximation of the empirical neural tangent kernel "
      "Θ, measured.");
  add_facts(page, claims);
  page.section("What held");
  page.paragraph(
      "A claim that something falls at least as fast as a power holds where the 95 % interval of the measured exponent "
      "reaches down to the claimed one and lies below 0, so that the measurements agree with it. It does not hold "
      "where all of the interval lies above the claimed exponent, and is undecided otherwise. ± is the standard error "
      "of an exponent.");
  page.table(summary_of(claims), "All claims. The sections below have the numbers.");
  for (const Section& section : sections) add(page, section);
  add_about(page, tables.at("about"));
  return page.html();
}

}  // namespace xtangent::examples
