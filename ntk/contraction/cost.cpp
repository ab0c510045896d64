// What each rule costs: arithmetic on shapes, nothing is run.
#include <algorithm>
#include <array>
#include <numeric>

#include "autodiff/kernels/convolution.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk {
namespace {

// Probes that are summed lie side by side in the rows of a single one.
struct Extents {
  double probes, d, c, r, p;  // of rows: K, D, C, R, P
  Extents(const UseShape& use, std::size_t probes_, ProbeMode mode)
      : probes(mode == ProbeMode::summed ? 1.0 : static_cast<double>(probes_)),
        d(static_cast<double>(use.positions)),
        r(static_cast<double>(use.right)) {
    const double side_by_side = static_cast<double>(probes_) / probes;
    c = side_by_side * static_cast<double>(use.left);
    p = side_by_side * static_cast<double>(use.parameter_size);
  }
};

// Additions of the shifted sums of one pair, counted for all taps also where they leave the image.
double shift_adds(const kernels::ConvShape& s) {
  const double room = static_cast<double>(s.out_height() * s.width), d = static_cast<double>(s.positions());
  return static_cast<double>(s.kernel_height) * room * room + static_cast<double>(s.kernel_width) * d * d;
}

double flop(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
            ProbeMode mode) {
  const Extents e(use, probes, mode);
  const double na = static_cast<double>(rows), nb = static_cast<double>(columns);
  const double pairs = na * nb * (symmetric ? 0.5 : 1.0);
  const double probe_pairs = mode == ProbeMode::equal ? e.probes : e.probes * e.probes;
  const double k = static_cast<double>(probes), examples = symmetric ? na : na + nb;
  switch (rule) {
    case Rule::outer:
      return 2 * pairs * (e.r + probe_pairs * (e.c + 1));
    case Rule::readout:
      return 2 * pairs * (e.r + probe_pairs) + 2 * probe_pairs * e.c;
    case Rule::pixel_gram: {
      const double pixels = static_cast<double>(use.patches->height * use.patches->width);
      const double channels = static_cast<double>(use.patches->channels);
      return 2 * pairs * (pixels * pixels * channels + probe_pairs * e.d * e.d * (e.c + 1)) +
             pairs * shift_adds(*use.patches);
    }
    case Rule::position_gram:
      return 2 * pairs * e.d * e.d * (e.r + probe_pairs * (e.c + 1));
    case Rule::gather:
      return 2 * pairs * probe_pairs * static_cast<double>(gather_slots(use)) * e.c;
    case Rule::materialize:
      break;
  }
  const bool product = use.kind == FactorKind::outer || use.kind == FactorKind::outer_sum;
  const double p = static_cast<double>(use.parameter_size), c = static_cast<double>(use.left);
  const double forming = product                         ? 2 * k * e.d * p
                         : use.kind == FactorKind::dense ? 0
                                                         : (use.kind == FactorKind::diag ? 2 : 1) * k * e.d * c;
  return examples * forming + 2 * pairs * probe_pairs * e.p;
}

std::size_t unit(const UseShape& use) {
  if (use.kind == FactorKind::gather) return use.left;
  return use.right * (use.grouped() ? use.left / use.patches->groups : 1);
}

// Rows of all probes follow each other and are joined, or each probe's lie by themselves in a range of more examples:
// the larger of both.
template <class Bytes>
std::size_t either_way(std::size_t rows, std::size_t columns, std::size_t probes, ProbeMode mode, const Bytes& bytes) {
  const std::size_t apart = bytes(probes, rows, columns);
  return mode == ProbeMode::equal ? apart : std::max(apart, bytes(1, probes * rows, probes * columns));
}

// Bytes of patches while gradients of that length are formed of n examples.
std::size_t forming_room(const UseShape& use, std::size_t n, std::size_t probes, std::size_t length,
                         std::size_t scalar) {
  if (!use.patches) return 0;
  kernels::ConvShape s = *use.patches;
  if (use.grouped()) {
    const std::size_t groups = length / unit(use);
    s.channels = s.channels / s.groups * groups;
    s.groups = groups;
  }
  const std::size_t grain = gradient_grain(length, use.positions, probes), out = length / use.right;
  const std::size_t each = scalar == sizeof(float) ? kernels::conv2d_weight_one_room<float>(s, out)
                                                   : kernels::conv2d_weight_one_room<double>(s, out);
  return rules::at_a_time((n + grain - 1) / grain) * each * scalar;
}

std::size_t scratch(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes,
                    bool symmetric, ProbeMode mode, std::size_t scalar, std::size_t room) {
  const bool summed = mode == ProbeMode::summed;
  const std::size_t k = summed ? 1 : probes;
  switch (rule) {
    case Rule::outer:
      return rows * columns * scalar +
             either_way(rows, columns, k, mode, [&](std::size_t q, std::size_t n, std::size_t m) {
               const std::size_t edge = rules::tile_edge(n, m),
                                 tiles = rules::count_tiles(q, n, m, symmetric, edge, mode);
               return rules::at_a_time(tiles) * std::min(edge, n) * std::min(edge, m) * scalar;
             });
    case Rule::readout: {
      const std::size_t edge = rules::tile_edge(rows, columns);
      const bool half = symmetric && (k == 1 || mode == ProbeMode::equal);
      const std::size_t tiles = rules::count_tiles(1, rows, columns, half, edge);
      const std::size_t readouts = 2 * probes * use.left;  // of the sides, one for all examples
      return (readouts + k * k + rules::at_a_time(tiles) * std::min(edge, rows) * std::min(edge, columns)) * scalar;
    }
    case Rule::pixel_gram: {
      const kernels::ConvShape& s = *use.patches;
      const std::size_t d = use.positions, u = s.height * s.width,
                        edge = rules::position_edge(std::max(d, u), std::max(d, u));
      const std::size_t tiles = rules::count_tiles(1, rows, columns, false, edge);
      const std::size_t pairs = std::min(edge, rows) * std::min(edge, columns), room = s.out_height() * s.width;
      return rules::at_a_time(tiles) * (pairs * (std::max(u * u, d * d) + d * d) + room * room) * scalar;
    }
    case Rule::position_gram: {
      const std::size_t d = use.positions, edge = rules::position_edge(d, d);
      const std::size_t tiles = rules::count_tiles(1, rows, columns, false, edge);
      return rules::at_a_time(tiles) * 2 * std::min(edge, rows) * std::min(edge, columns) * d * d * scalar;
    }
    case Rule::gather:
      return columns * gather_slots(use) * 3 * sizeof(std::uint32_t);
    case Rule::materialize:
      break;
  }
  std::size_t gradients = 0, forming = 0, length = use.parameter_size;
  if (!holds_gradients(use, probes)) {
    const std::size_t element = (symmetric ? rows : rows + columns) * probes * scalar;
    length = rules::materialized_step(use.parameter_size, unit(use), element, room);
    gradients = element * length;
    forming = forming_room(use, std::max(rows, columns), probes, length, scalar);
  }
  const std::size_t products = either_way(rows, columns, k, mode, [&](std::size_t q, std::size_t n, std::size_t m) {
    return rules::GramCut::of(q, n, m, symmetric, length * (summed ? probes : 1), mode).bytes(scalar);
  });
  return gradients + std::max(forming, products);
}

}  // namespace

const char* name(Rule rule) {
  switch (rule) {
    case Rule::outer:
      return "outer";
    case Rule::readout:
      return "readout";
    case Rule::position_gram:
      return "position Gram";
    case Rule::pixel_gram:
      return "pixel Gram";
    case Rule::gather:
      return "gather";
    case Rule::materialize:
      break;
  }
  return "materialize";
}

std::vector<Rule> rules_for(const UseShape& use) {
  if (use.kind == FactorKind::outer && use.same_left) return {Rule::readout, Rule::outer, Rule::materialize};
  if (use.kind == FactorKind::outer) return {Rule::outer, Rule::materialize};
  if (use.kind == FactorKind::gather) return {Rule::gather, Rule::materialize};
  if (use.kind != FactorKind::outer_sum || use.grouped()) return {Rule::materialize};
  if (use.patches && use.patches->stride_height == 1 && use.patches->stride_width == 1 && use.patches->taps() > 1)
    return {Rule::pixel_gram, Rule::position_gram, Rule::materialize};
  return {Rule::position_gram, Rule::materialize};
}

bool meets(Rule rule, const UseShape& a, const UseShape& b) {
  if (rule == Rule::materialize) return a.parameter_size == b.parameter_size;
  if (a.kind != b.kind || a.left != b.left || a.right != b.right || a.grouped() || b.grouped()) return false;
  if (rule == Rule::readout) return a.same_left && b.same_left;
  if (rule != Rule::pixel_gram) return true;
  const auto taps = [](const UseShape& use) {
    const kernels::ConvShape& s = *use.patches;
    return std::array{s.kernel_height, s.kernel_width, s.dilation_height, s.dilation_width};
  };
  return a.patches && b.patches && taps(a) == taps(b);
}

RuleCost cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
              ProbeMode mode, std::size_t scalar_bytes, std::size_t room) {
  return {flop(rule, use, rows, columns, probes, symmetric, mode),
          static_cast<double>(scratch(rule, use, rows, columns, probes, symmetric, mode, scalar_bytes, room))};
}

std::size_t gather_slots(const UseShape& use) { return std::min(use.positions, use.parameter_size / use.left); }

namespace {

// Elements of the inputs of an example as a factor has them.
std::size_t input_size(const UseShape& use) {
  if (use.patches && use.kind == FactorKind::outer_sum) return use.patches->input_size();
  switch (use.kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:
      return use.positions * use.right;
    case FactorKind::diag:
      return use.positions * use.left;
    case FactorKind::gather:
      return use.positions;
    case FactorKind::bias:
    case FactorKind::dense:
      break;
  }
  return 0;
}

std::size_t factor_size(const UseShape& use, std::size_t probes) {
  return (use.kind == FactorKind::dense ? use.parameter_size : use.positions * use.left) * probes + input_size(use);
}

}  // namespace

bool holds_gradients(const UseShape& use, std::size_t probes) {
  return probes * use.parameter_size <= factor_size(use, probes);
}

double held_bytes(Rule rule, const UseShape& use, std::size_t probes, ProbeMode, std::size_t scalar_bytes) {
  const std::size_t d = use.positions, c = use.left * probes;
  const auto bytes = [&](std::size_t elements) { return static_cast<double>(elements * scalar_bytes); };
  switch (rule) {
    case Rule::readout:
      return bytes(use.right);
    case Rule::pixel_gram:
      return bytes(d * c + use.patches->input_size());
    case Rule::outer:
    case Rule::position_gram:
      return bytes(d * (c + use.right));
    case Rule::gather: {
      const std::size_t slots = gather_slots(use);
      return bytes(slots * c) + static_cast<double>((slots + 1) * sizeof(std::uint32_t));
    }
    case Rule::materialize:
      break;
  }
  return bytes(std::min(probes * use.parameter_size, factor_size(use, probes)));
}

template <class T>
UseShape shape_of(const Factor<T>& f) {
  return {f.kind,         f.parameter.size(), f.positions, f.left_size(),
          f.right_size(), f.channels_first,   f.patches,   f.same_left};
}
template UseShape shape_of(const Factor<float>&);
template UseShape shape_of(const Factor<double>&);

}  // namespace xtangent::ntk
