#include "nn/choice.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "autodiff/error.hpp"

namespace xtangent::nn {

std::vector<bool> chosen_parameters(const Layout& layout, const std::vector<std::string>& patterns) {
  const std::size_t count = layout.parameters.size();
  std::vector<bool> out(count, patterns.empty() || patterns.front().starts_with('!'));
  std::vector<std::pair<std::string, std::size_t>> names;  // and the numbers of the arrays that they name
  for (std::size_t i = 0; i < count; ++i) names.emplace_back(layout.parameters[i].name, i);
  for (const auto& [other, first] : layout.aliases)
    for (std::size_t i = 0; i < count; ++i)
      if (layout.parameters[i].name == first) names.emplace_back(other, i);
  std::string all;
  for (const std::string& pattern : patterns) {
    all.append(all.empty() ? "" : ",").append(pattern);
    const bool excludes = pattern.starts_with('!');
    const std::string glob = pattern.substr(excludes ? 1 : 0);
    bool found = false;
    for (const auto& [name, i] : names) {
      if (::fnmatch(glob.c_str(), name.c_str(), 0) != 0) continue;
      out[i] = !excludes;
      found = true;
    }
    if (found) continue;
    std::vector<std::string> known;  // names, and patterns of whole layers
    for (const auto& [name, i] : names) {
      known.push_back(name);
      for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
        const std::string layer = name.substr(0, dot) + ".*";
        if (std::find(known.begin(), known.end(), layer) == known.end()) known.push_back(layer);
      }
    }
    throw parameter_error("[parameters] no parameter matches " + near_names(glob, known) +
                          " In a pattern * stands for any text: 'layer4.*', '!*.bias'.");
  }
  if (std::find(out.begin(), out.end(), true) == out.end())
    throw parameter_error("[parameters] the patterns " + all + " leave no parameter. Patterns after others win.");
  return out;
}

}  // namespace xtangent::nn
