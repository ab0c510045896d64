#include "examples/attribute/figures.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/picture.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* colors[] = {"#1f5fbf", "#c8641b", "#0b7a75", "#8a3ea8", "#5b6675"};
constexpr std::size_t in_a_row = 5;          // helpful images, and harmful ones
constexpr std::size_t right = 3, wrong = 3;  // test images

// An SVG of images, each with lines of text below it.
class Sheet {
 public:
  Sheet(double width, double height) : width_(width), height_(height) {}
  void image(double x, double y, double side, const std::string& address, const char* frame) {
    body_ += "<rect x=\"" + fixed(x - 1, 1) + "\" y=\"" + fixed(y - 1, 1) + "\" width=\"" + fixed(side + 2, 1) +
             "\" height=\"" + fixed(side + 2, 1) + "\" fill=\"" + frame + "\"/><image x=\"" + fixed(x, 1) + "\" y=\"" +
             fixed(y, 1) + "\" width=\"" + fixed(side, 1) + "\" height=\"" + fixed(side, 1) + "\" href=\"" + address +
             "\"/>\n";
  }
  void text(double x, double y, const std::string& words, const char* color, const char* more = "") {
    body_ += "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" fill=\"" + color + "\" " + more + ">" +
             escaped(words) + "</text>\n";
  }
  void line(double x, double y, double x2, double y2) {
    body_ += "<line x1=\"" + fixed(x, 1) + "\" y1=\"" + fixed(y, 1) + "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" +
             fixed(y2, 1) + "\" stroke=\"#e1e6ed\"/>\n";
  }
  std::string svg() const {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + fixed(width_, 0) + " " + fixed(height_, 0) +
           "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n" + body_ +
           "</svg>";
  }

 private:
  double width_, height_;
  std::string body_;
};

std::string signed_number(double value) {
  return (value < 0 ? "−" : "+") + fixed(std::abs(value), std::abs(value) < 10 ? 2 : 0);
}

std::vector<double> row_of(const Array<double>& scores, std::size_t row) {
  const double* from = scores.data() + row * scores.shape()[1];
  return {from, from + scores.shape()[1]};
}

Panel scatter(const Study& study) {
  const std::size_t test = median_image(study);
  std::vector<double> x = predicted(study.exact().scores, study.subsets, test);
  const std::vector<double> y = actual(study.margins, test);
  double greatest = 0;
  for (const double v : x) greatest = std::max(greatest, std::abs(v));
  const Unit unit = unit_for(greatest);
  Panel out{"one test image: rank correlation " + fixed(study.exact().lds[test], 2),
            "sum of the exact scores over the half" + (unit.name.empty() ? "" : ", " + unit.name),
            "margin of networks trained on the half",
            {}};
  Series points{"", {}, colors[0], 7};
  points.line = false;
  for (std::size_t i = 0; i < x.size(); ++i) points.points.emplace_back(x[i] / unit.size, y[i]);
  out.series.push_back(std::move(points));
  return out;
}

Panel over_ridges(const Study& study) {
  Panel out{"mean over the test images",
            "ridge, relative to the mean of the kernel's diagonal",
            "linear datamodeling score",
            {}};
  out.log_x = true;
  out.x_ticks = study.ridges;
  std::size_t color = 0;
  for (const Method& method : study.methods) {
    if (method.curve.empty()) continue;
    Series line{method.name, {}, colors[color], 7};
    for (std::size_t i = 0; i < study.ridges.size(); ++i) line.points.emplace_back(study.ridges[i], method.curve[i]);
    out.series.push_back(std::move(line));
    ++color;
  }
  return out;
}

}  // namespace

Unit unit_for(double greatest) {
  if (greatest == 0 || greatest >= 0.1) return {};
  if (greatest >= 1e-4) return {1e-3, "10⁻³"};
  if (greatest >= 1e-7) return {1e-6, "10⁻⁶"};
  return {1e-9, "10⁻⁹"};
}

Unit unit_of_scores(const Study& study) {
  double greatest = 0;
  for (const std::size_t test : shown_images(study))
    for (const double score : row_of(study.exact().scores, test)) greatest = std::max(greatest, std::abs(score));
  return unit_for(greatest);
}

std::vector<std::size_t> shown_images(const Study& study) {
  std::vector<std::size_t> good, bad, more;
  std::vector<bool> good_seen(study.task.train.classes, false), bad_seen = good_seen;
  for (std::size_t i = 0; i < study.predictions.size(); ++i) {
    const std::size_t label = study.task.y_test[i];
    const bool is_right = study.predictions[i] == label;
    std::vector<bool>& seen = is_right ? good_seen : bad_seen;
    if (!seen[label])
      (is_right ? good : bad).push_back(i);
    else if (!is_right)
      more.push_back(i);
    seen[label] = true;
  }
  bad.insert(bad.end(), more.begin(), more.end());
  good.resize(std::min(good.size(), right));
  bad.resize(std::min(bad.size(), wrong));
  good.insert(good.end(), bad.begin(), bad.end());
  return good;
}

std::string influences_figure(const Study& study) {
  constexpr double side = 66, step = 82, height = 116, top = 34, left = 12, first = 150, gap = 34;
  constexpr const char *ink = "#1d2733", *soft = "#5b6675", *help = "#1f5fbf", *harm = "#c0392b", *frame = "#d5dbe3";
  const std::vector<std::size_t> tests = shown_images(study);
  const Unit unit = unit_of_scores(study);
  const std::size_t count = std::min(in_a_row, study.task.y.size() / 2);
  Sheet sheet(first + 2 * in_a_row * step + gap + left, top + height * static_cast<double>(tests.size()));
  const double second = first + in_a_row * step + gap, half = (in_a_row * step - (step - side)) / 2;
  sheet.text(left + 48, 18, "test image", soft);
  sheet.text(first + half, 18, "training images that help most", help);
  sheet.text(second + half, 18, "training images that harm most", harm);
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const std::size_t test = tests[i], label = study.task.y_test[test], found = study.predictions[test];
    const double y = top + height * static_cast<double>(i);
    if (i > 0) sheet.line(left, y - 10, second + in_a_row * step, y - 10);
    sheet.image(left + 48 - side / 2, y, side, picture(study.task.test, test), frame);
    sheet.text(left + 48, y + side + 16, study.task.class_names[label], ink, "font-weight=\"bold\"");
    sheet.text(left + 48, y + side + 31, found == label ? "right" : "taken for " + study.task.class_names[found],
               found == label ? soft : harm);
    const std::vector<double> scores = row_of(study.exact().scores, test);
    const std::vector<std::size_t> order = descending(scores);
    for (const bool helpful : {true, false})
      for (std::size_t j = 0; j < count; ++j) {
        const std::size_t n = helpful ? order[j] : order[order.size() - 1 - j];
        const double x = (helpful ? first : second) + static_cast<double>(j) * step;
        sheet.image(x, y, side, picture(study.task.train, n), frame);
        sheet.text(x + side / 2, y + side + 16, study.task.class_names[study.task.y[n]], ink);
        sheet.text(x + side / 2, y + side + 31, signed_number(scores[n] / unit.size), scores[n] < 0 ? harm : help);
      }
  }
  return sheet.svg();
}

std::size_t median_image(const Study& study) {
  const std::vector<std::size_t> order = descending(study.exact().lds);
  return order[order.size() / 2];
}

std::string datamodel_figure(const Study& study) {
  return draw(std::vector<Panel>{scatter(study), over_ridges(study)}, 510, 400);
}

std::string flips_figure(const Study& study) {
  std::vector<Panel> panels;
  for (const FlipStudy& flips : study.flips) {
    Panel panel{"after " + plural(flips.epochs, "epoch"),
                "share of the training images looked at, %",
                "share of the flipped labels found, %",
                {}};
    panel.x_range = panel.y_range = {0, 100};
    std::size_t color = 0;
    for (const Ranking& ranking : flips.rankings) {
      Series line{ranking.name, {{0, 0}}, ranking.name == "random order" ? "#9aa4b2" : colors[color++], 0};
      line.width = 1.8;
      const std::size_t n = ranking.found.front().size(), stride = std::max<std::size_t>(1, n / 200);
      for (std::size_t i = stride - 1; i < n; i += stride) {
        std::vector<double> values;
        for (const std::vector<double>& curve : ranking.found) values.push_back(curve[i]);
        line.points.emplace_back(100.0 * static_cast<double>(i + 1) / static_cast<double>(n),
                                 100 * mean_of(values).value);
      }
      panel.series.push_back(std::move(line));
    }
    panels.push_back(std::move(panel));
  }
  return draw(panels, 510, 380);
}

}  // namespace xtangent::examples
