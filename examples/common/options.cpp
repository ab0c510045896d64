#include "examples/common/options.hpp"

#include <oneapi/tbb/info.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

namespace xtangent::examples {
namespace {

CLI::Validator validator(std::string (*check)(const std::string&)) {
  return CLI::Validator([check](const std::string& text) { return check(text); }, "");
}

bool is_whole(const std::string& text) {
  const std::size_t first = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return first < text.size() && text.find_first_not_of("0123456789", first) == std::string::npos;
}

template <bool one>
std::string check_whole(const std::string& text) {
  if (!is_whole(text)) return "must be a whole number, not '" + text + "'";
  const bool zero = text.find_first_not_of("+-0") == std::string::npos;
  if (zero ? one : text[0] == '-')
    return std::string(one ? "must be positive" : "must be positive or 0") + ", not " + text;
  // CLI11 would read such a number to the base of 8.
  if (!zero && text[text.find_first_not_of('+')] == '0') return "must not begin with 0, as " + text + " does";
  if (text.size() > 18) return "must be smaller than " + text;
  return {};
}

template <bool zero>
std::string check_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value)) return "must be a number, not '" + text + "'";
  if (value < 0 || (!zero && value == 0))
    return std::string(zero ? "must be positive or 0" : "must be positive") + ", not " + text;
  return {};
}

std::string check_name(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

std::string check_threads(const std::string& text) {
  const std::string wrong = check_whole<false>(text);
  const int most = oneapi::tbb::info::default_concurrency();
  if (wrong.empty() && std::stoull(text) > static_cast<unsigned long long>(most))
    return "must be at most " + std::to_string(most) + ", as many as this machine has (0 takes all), not " + text;
  return wrong;
}

// Letters to insert, remove, replace or swap with their neighbour to make one word of the other.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// How unlike a known name what was written is: a beginning or one of its words counts as one wrong letter.
std::size_t unlikeness(const std::string& written, const std::string& known) {
  const std::string words = "-" + known + "-";
  const bool part =
      written.size() > 1 && (known.rfind(written, 0) == 0 || words.find("-" + written + "-") != std::string::npos);
  return part ? 1 : distance(written, known);
}

}  // namespace

CLI::Validator whole(std::uint64_t least) { return validator(least > 0 ? check_whole<true> : check_whole<false>); }
CLI::Validator named() { return validator(check_name); }
CLI::Validator positive() { return validator(check_number<false>); }
CLI::Validator not_negative() { return validator(check_number<true>); }

void data_set_option(CLI::App& app, std::string& value) {
  option(app, "dataset", value, "SET", "digits; or mnist, fashion, cifar10, whose files are not included")
      ->capture_default_str();
}

void data_option(CLI::App& app, std::filesystem::path& value) {
  option(app, "--data", value, "DIR", "Folder of the set's files, or a folder above")
      ->check(named())
      ->default_str("data, build/data or $XTANGENT_DATA");
}

void data_and_report_options(CLI::App& app, std::filesystem::path& data, std::filesystem::path& out) {
  data_option(app, data);
  option(app, "--out", out, "DIR", "For the report and its numbers")->check(named())->capture_default_str();
}

void seed_option(CLI::App& app, std::uint64_t& value, const std::string& description) {
  count_option(app, "--seed", value, 0, description);
}

void threads_option(CLI::App& app, std::size_t& value) {
  option(app, "--threads", value, "N", "0: as many as the machine has")
      ->check(validator(check_threads))
      ->capture_default_str();
}

std::string nearest_option(const CLI::App& app, const std::string& unknown) {
  const std::string name = unknown.substr(0, unknown.find('='));
  const std::size_t dashes = std::min(name.find_first_not_of('-'), name.size());
  if (dashes == 0 || dashes == name.size()) return {};
  const std::string written = name.substr(dashes);
  std::size_t least = std::max<std::size_t>(1, written.size() / 3) + 1;
  std::string nearest;
  for (const CLI::Option* known : app.get_options())
    for (const std::string& long_name : known->get_lnames())
      if (const std::size_t found = unlikeness(written, long_name); !known->get_group().empty() && found < least) {
        least = found;
        nearest = "--" + long_name;
      }
  return nearest;
}

}  // namespace xtangent::examples
