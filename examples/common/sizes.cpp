#include "examples/common/sizes.hpp"

#include <cctype>
#include <cmath>
#include <cstdlib>

#include "autodiff/error.hpp"

namespace xtangent::examples {

std::size_t parse_bytes(const std::string& option, const std::string& text) {
  const auto refuse = [&] {
    throw option_error("[" + option + "] '" + text + "' is no size. Write 512M, 2G, 1.5GiB or 800MB.");
  };
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text[0]))) refuse();
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit;
  for (; *end; ++end)
    if (*end != ' ') unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*end)));
  const std::string letters = "KMGT";
  const std::size_t power = unit.empty() ? std::string::npos : letters.find(unit[0]);
  const std::string rest = power == std::string::npos ? unit : unit.substr(1);
  if (!(rest.empty() || rest == "B" || (rest == "IB" && power != std::string::npos))) refuse();
  const double base = rest == "B" ? 1000.0 : 1024.0;
  const double bytes = number * (power == std::string::npos ? 1.0 : std::pow(base, static_cast<double>(power + 1)));
  if (!(bytes >= 1.0 && bytes < 9e18)) refuse();
  return static_cast<std::size_t>(bytes);
}

}  // namespace xtangent::examples
