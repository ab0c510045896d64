#pragma once

#include <string>
#include <vector>

namespace xtangent::examples {

/// A table of a page. Cells are HTML, on one line unless inside <div class="long">. The first `text_columns` columns
/// are aligned left, the others right.
struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::size_t text_columns = 1;
};

/// A page of HTML that needs nothing but itself: style and figures inside, no scripts, readable on paper.
/// Texts are HTML; use escaped() for what came from outside.
class Page {
 public:
  Page(std::string title, std::string introduction);

  /// A fact in the row under the title.
  void fact(const std::string& value, const std::string& what);
  void section(const std::string& title);
  void paragraph(const std::string& text);
  /// `label` is read to those who do not see the figure.
  void figure(const std::string& svg, const std::string& caption, const std::string& label);
  void table(const Table& table, const std::string& caption);
  /// Names and values, line by line.
  void properties(const std::vector<std::pair<std::string, std::string>>& lines);

  std::string html() const;

 private:
  std::string title_, introduction_, facts_, body_;
  int figures_ = 0, tables_ = 0;
  bool open_ = false;
};

}  // namespace xtangent::examples
