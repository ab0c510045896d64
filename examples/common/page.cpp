#include "examples/common/page.hpp"

#include <utility>

#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* style = R"css(
:root { --ink: #1d2733; --soft: #5b6675; --line: #e1e6ed; --paper: #ffffff; --back: #f4f6f9; --accent: #1f5fbf; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 12px; }
h2 { font-size: 1.3rem; letter-spacing: -0.01em; margin: 0 0 12px; }
header p { max-width: 46em; margin: 0; color: var(--soft); font-size: 1.05rem; }
p { margin: 0 0 12px; max-width: 54em; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 26px 30px; margin-top: 22px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 14px; margin-top: 26px; }
.facts div { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; }
.facts b { display: block; white-space: nowrap; font-size: 1.3rem; line-height: 1.25; letter-spacing: -0.02em; color: var(--accent);
  font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: 0.88rem; line-height: 1.4; display: block; }
figure { margin: 14px auto 20px; max-width: 1040px; }
figure svg { display: block; width: 100%; height: auto; }
figure svg image { image-rendering: pixelated; }
figcaption, caption { color: var(--soft); font-size: 0.9rem; line-height: 1.45; text-align: left; }
figcaption { margin-top: 4px; max-width: 60em; }
caption { caption-side: bottom; padding-top: 8px; }
figcaption b, caption b { color: var(--ink); font-weight: 600; }
.scroll { overflow-x: auto; margin: 16px 0 6px; }
table { border-collapse: collapse; width: 100%; font-size: 0.84rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); vertical-align: bottom; }
th.text, td.text { text-align: left; }
td .long { white-space: normal; min-width: 24em; }
tbody tr:hover { background: #f7f9fc; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 22px; margin: 12px 0 4px; font-size: 0.94rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: #eef1f6; border-radius: 4px;
  padding: 1px 5px; }
@media (max-width: 640px) { section { padding: 18px 16px; } dl { grid-template-columns: 1fr; gap: 0 0; } dd { margin-bottom: 8px; } }
@media print { body { background: #fff; } section, .facts div { border-color: #ccc; break-inside: avoid; } }
)css";

}  // namespace

Page::Page(std::string title, std::string introduction)
    : title_(std::move(title)), introduction_(std::move(introduction)) {}

void Page::fact(const std::string& value, const std::string& what) {
  facts_ += "<div><b>" + value + "</b><span>" + what + "</span></div>\n";
}

void Page::section(const std::string& title) {
  if (open_) body_ += "</section>\n";
  open_ = true;
  body_ += "<section>\n<h2>" + title + "</h2>\n";
}

void Page::paragraph(const std::string& text) { body_ += "<p>" + text + "</p>\n"; }

void Page::figure(const std::string& svg, const std::string& caption, const std::string& label) {
  std::string element = svg;
  element.insert(4, " role=\"img\" aria-label=\"" + escaped(label) + "\"");
  body_ += "<figure>\n" + element + "\n<figcaption><b>Figure " + std::to_string(++figures_) + ".</b> " + caption +
           "</figcaption>\n</figure>\n";
}

void Page::table(const Table& table, const std::string& caption) {
  const auto cells = [&](const std::vector<std::string>& row, const char* tag) {
    std::string out = "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      out += std::string("<") + tag + (i < table.text_columns ? " class=\"text\">" : ">") + row[i] + "</" + tag + ">";
    return out + "</tr>\n";
  };
  body_ += "<div class=\"scroll\"><table>\n<caption><b>Table " + std::to_string(++tables_) + ".</b> " + caption +
           "</caption>\n<thead>" + cells(table.head, "th") + "</thead>\n<tbody>\n";
  for (const auto& row : table.rows) body_ += cells(row, "td");
  body_ += "</tbody></table></div>\n";
}

void Page::properties(const std::vector<std::pair<std::string, std::string>>& lines) {
  body_ += "<dl>\n";
  for (const auto& [name, value] : lines) body_ += "<dt>" + name + "</dt><dd>" + value + "</dd>\n";
  body_ += "</dl>\n";
}

std::string Page::html() const {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + title_ + "</title>\n";
  out += std::string("<style>") + style + "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + title_ + "</h1>\n<p>";
  out += introduction_ + "</p>\n</header>\n";
  if (!facts_.empty()) out += "<div class=\"facts\">\n" + facts_ + "</div>\n";
  return out + body_ + (open_ ? "</section>\n" : "") + "</main>\n</body>\n</html>\n";
}

}  // namespace xtangent::examples
