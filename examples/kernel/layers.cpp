#include "examples/kernel/layers.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/kernel/sharing.hpp"
#include "nn/choice.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/layer_kernels.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

struct Share {
  std::string layer;
  double elements = 0, share = 0;
};

// The sum of the diagonal, or of those of all planes (C, N, N) of a diagonal readout.
double trace(const Array<double>& k) {
  const std::size_t n = k.shape().back(), planes = k.size() / (n * n);
  double sum = 0;
  for (std::size_t p = 0; p < planes; ++p)
    for (std::size_t i = 0; i < n; ++i) sum += k[(p * n + i) * n + i];
  return sum;
}

// By rows of tiles, since the kernel may be larger than the memory.
double trace(const ntk::StoredKernel& k) {
  const std::size_t edge = k.shape().grid.edge * k.shape().block, height = k.shape().height();
  double sum = 0;
  for (std::size_t plane = 0; plane < k.shape().planes; ++plane)
    for (std::size_t first = 0; first < height; first += edge) {
      const Array<double> rows = k.rows(first, std::min(height, first + edge), plane);
      for (std::size_t i = 0; i < rows.shape()[0]; ++i) sum += rows[i * rows.shape()[1] + first + i];
    }
  return sum;
}

// At most 40 bars: those with the least shares are put together.
std::string picture(std::vector<Share> shares, const std::string& title) {
  constexpr std::size_t most = 40;
  if (shares.size() > most) {
    std::vector<double> sorted;
    for (const Share& s : shares) sorted.push_back(s.share);
    std::sort(sorted.rbegin(), sorted.rend());
    const double least = sorted[most - 2];
    Share rest{"all others", 0, 0};
    std::erase_if(shares, [&](const Share& s) {
      if (s.share >= least) return false;
      rest.share += s.share;
      return true;
    });
    shares.push_back(rest);
  }
  Bars bars{title, "share of the trace, %", {}};
  for (const Share& s : shares) bars.bars.emplace_back(s.layer, 100 * s.share);
  return draw(bars, 760, 110 + 22 * static_cast<int>(shares.size()));
}

void write(const fs::path& file, const Array<double>& k) { nn::write_npy(file, k); }
void write(const fs::path& file, const ntk::StoredKernel& k) { k.write_npy(file); }

// Writes the kernels, and says which part of the sum of their traces each of them has.
template <class K>
std::vector<Share> written(const std::vector<ntk::LayerKernel<K>>& parts, const fs::path& folder) {
  std::vector<Share> out;
  double whole = 0;
  for (const auto& part : parts) {
    write(folder / (part.name + ".npy"), part.kernel);
    out.push_back({part.name, 0, trace(part.kernel)});
    whole += out.back().share;
  }
  for (Share& share : out) share.share = whole > 0 ? share.share / whole : 0;
  return out;
}

}  // namespace

template <class T>
void compute_layers(const Settings& s, const Work<T>& work) {
  require_gnuplot();
  const ntk::Readout readout = readout_of(s, work, false);
  ntk::LayerOptions options{.options = options_of(s, work)};
  options.options.sharing = sharing_of(s.sharing, s.program);
  if (!s.store.empty()) options.options.store = s.store / "layers";
  const fs::path folder = s.out.parent_path() / (s.out.stem().string() + "_layers");
  const fs::path figure = folder.string() + ".svg";
  const ntk::Residence residence = s.store.empty() ? ntk::Residence::dense : ntk::Residence::stored;
  const ntk::Plan plan = ntk::plan_layers(*work.net, work.params, work.train, readout, options, residence);
  std::cout << "\n" << plan << "\n" << std::flush;
  if (s.dry_run) return;
  with_patience([&] {
    nn::require_writable_file(folder / "layer.npy", plan.result_bytes);
    nn::require_writable_file(figure);
  });
  const Patience patience;
  Bar bar(plan.flop());
  const Stopwatch watch;
  bar.begin("kernels of layers", plan.flop());
  options.options.progress = [&](const ntk::Progress& p) {
    bar(p);
    end_if_interrupted();
  };
  std::vector<Share> shares;
  if (options.options.store.empty()) {
    shares = written(ntk::layer_kernels(*work.net, work.params, work.train, readout, options), folder);
  } else {
    const auto stored = ntk::stored_layer_kernels(*work.net, work.params, work.train, readout, options);
    for (const auto& part : stored)
      if (const std::string missing = missing_parts(part.kernel, options.options.sharing.shard); !missing.empty()) {
        bar.finish();
        std::printf("%s/ is not written yet: %s\n", folder.c_str(), missing.c_str());
        return;
      }
    shares = written(stored, folder);
  }
  bar.finish();
  const std::vector<nn::ParameterInfo>& infos = work.params.infos();
  const std::vector<bool> chosen = nn::chosen_parameters(work.params.layout(), options.options.parameters);
  for (Share& share : shares)
    for (std::size_t i = 0; i < infos.size(); ++i)
      if (chosen[i] && ntk::by_module(infos[i].name) == share.layer)
        share.elements += static_cast<double>(infos[i].shape.size());
  std::size_t width = 5;
  for (const Share& share : shares) width = std::max(width, share.layer.size());
  std::printf("%-*s%14s%16s\n", static_cast<int>(width), "layer", "parameters", "of the trace");
  for (const Share& share : shares)
    std::printf("%-*s%14s%14.2f %%\n", static_cast<int>(width), share.layer.c_str(), grouped(share.elements).c_str(),
                100 * share.share);
  const std::string title =
      s.title() + ", readout " + readout.name() + ", " + std::to_string(plan.rows) + " " + work.noun;
  nn::write_file(figure, {picture(shares, title)});
  std::printf("%s/: kernels of %zu layers between %zu %s\n%s: their shares of the trace\n", folder.c_str(),
              shares.size(), plan.rows, work.noun.c_str(), figure.c_str());
  print_costs(watch.seconds());
}

template void compute_layers(const Settings&, const Work<float>&);
template void compute_layers(const Settings&, const Work<double>&);

}  // namespace xtangent::examples
