#include "examples/common/format.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace xtangent::examples {
namespace {

std::string printed(const char* format, int digits, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, digits, value);
  return text;
}

}  // namespace

std::string fixed(double value, int decimals) { return printed("%.*f", decimals, value); }

std::string significant(double value, int digits) {
  const double magnitude = std::abs(value);
  if (value == 0 || !std::isfinite(value)) return printed("%.*g", digits, value);
  if (magnitude >= 1e6 || magnitude < 1e-3) return printed("%.*e", digits - 1, value);
  const int leading = static_cast<int>(std::floor(std::log10(magnitude)));
  return leading + 1 >= digits ? grouped(value) : fixed(value, digits - 1 - leading);
}

std::string digits_of(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string grouped(double value) {
  std::string text = fixed(std::round(value), 0);
  const std::size_t sign = text[0] == '-' ? 1 : 0;
  for (std::size_t at = text.size(); at > sign + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string power(double exponent) {
  const std::string magnitude = fixed(std::abs(exponent), 2);
  return exponent < 0 && magnitude != "0.00" ? std::string("−").append(magnitude) : magnitude;
}

std::string percent(double fraction) { return (fraction < 0 ? "−" : "") + fixed(100 * std::abs(fraction), 1) + " %"; }

std::string seconds(double value) {
  if (value < 0.0995) return fixed(1000 * value, value < 0.00995 ? 1 : 0) + " ms";
  return fixed(value, value < 0.995 ? 2 : value < 99.5 ? 1 : 0) + " s";
}

std::string bytes(double value) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; value >= 1000 && unit < 4; ++unit) value /= 1024;
  return fixed(value, unit == 0 || value >= 99.5 ? 0 : 1) + " " + units[unit];
}

std::string plural(std::size_t count, const std::string& noun) {
  return grouped(static_cast<double>(count)) + " " + noun + (count == 1 ? "" : "s");
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

}  // namespace xtangent::examples
