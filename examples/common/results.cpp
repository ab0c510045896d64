#include "examples/common/results.hpp"

#include <cstdio>

#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "nn/data/file.hpp"

namespace xtangent::examples {

namespace fs = std::filesystem;

void require_results(const fs::path& folder, const std::vector<std::string>& names) {
  with_patience([&] {
    for (const std::string& name : names) nn::require_writable_file(folder / name);
    nn::require_writable_file(folder / "report.html");
  });
}

void write_results(const fs::path& folder, const std::vector<std::pair<std::string, std::string>>& files,
                   const std::string& html, const std::string& summary, double time) {
  const fs::path report = folder / "report.html";
  {
    const Patience patience;
    for (const auto& [name, text] : files) nn::write_file(folder / name, {text});
    nn::write_file(report, {html});
  }
  std::printf("\n%sReport: %s (%s)\n", summary.c_str(), report.c_str(), seconds(time).c_str());
}

}  // namespace xtangent::examples
