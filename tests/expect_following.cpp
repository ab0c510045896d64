// Examples that do not stand on axis 0: whatever the op, what it says of them must be true.
#include <optional>
#include <set>
#include <string>

#include "autodiff/factor.hpp"
#include "autodiff/ops/indexing.hpp"
#include "tests/checked_row.hpp"

namespace xtangent::testing {
namespace {

// The order that brings an axis to the front, and the one that brings the first axis back.
std::vector<std::size_t> to_front(std::size_t axis, std::size_t rank) {
  std::vector<std::size_t> order{axis};
  for (std::size_t a = 0; a < rank; ++a)
    if (a != axis) order.push_back(a);
  return order;
}
std::vector<std::size_t> from_front(std::size_t axis, std::size_t rank) {
  std::vector<std::size_t> order;
  for (std::size_t a = 1; a <= axis; ++a) order.push_back(a);
  order.push_back(0);
  for (std::size_t a = axis + 1; a < rank; ++a) order.push_back(a);
  return order;
}

// Ops that follow examples to some places and count them as mixed in others where they would stay apart too: filters of
// a convolution, columns of a matrix, pixels, whole matrices of a system. The first is an op of a test.
const std::set<std::string> partly_followed = {"scaled_cauchy",
                                               "matmul",
                                               "linear",
                                               "conv2d",
                                               "conv2d_input",
                                               "conv2d_weight",
                                               "conv3d",
                                               "conv3d_input",
                                               "conv3d_weight",
                                               "avg_pool2d",
                                               "avg_pool3d",
                                               "max_pool2d",
                                               "max_pool3d",
                                               "pad",
                                               "batch_norm",
                                               "scale_channels",
                                               "embedding",
                                               "scatter_add",
                                               "adaptive_avg_pool2d",
                                               "adaptive_avg_pool3d",
                                               "adaptive_max_pool3d",
                                               "solve",
                                               "solve_positive_definite",
                                               "gather",
                                               "select",
                                               "unselect"};

class Following : CheckedRow {
 public:
  explicit Following(const OpRow& row) : CheckedRow(row) {}

  void run() {
    if (row_.options.fixed_examples) return;
    property("following", [this] {
      for (std::size_t chosen = 1; chosen < std::size_t{1} << x_.size(); ++chosen)
        for (std::size_t back = 1; back < Shape::max_rank; ++back) check(chosen, back);
      const Recording<double> r = record(x_);
      std::string ops;
      bool partly = false;
      for (const Node<double>& node : r.tape.record()->nodes) {
        if (!node.op) continue;
        ops += " " + node.op->name();
        partly = partly || partly_followed.count(node.op->name()) > 0;
      }
      expect(partly || lost_.empty(), "examples are counted as mixed although they stay apart:" + lost_ + " ops" + ops);
    });
  }

 private:
  // Examples in axis `back` from the right of the chosen arguments, where these have such an axis of one extent.
  void check(std::size_t chosen, std::size_t back) {
    std::optional<std::size_t> n;
    for (std::size_t a = 0; a < x_.size(); ++a) {
      if ((chosen >> a & 1) == 0) continue;
      if (x_[a].rank() < back) return;
      const std::size_t extent = x_[a].shape().from_right(back);
      if (n && *n != extent) return;
      n = extent;
    }
    Tape<double> tape;
    std::vector<Var<double>> leaves, x, parameters;
    std::vector<std::size_t> places;
    for (std::size_t a = 0; a < x_.size(); ++a) {
      if ((chosen >> a & 1) == 0) {
        leaves.push_back(tape.variable(x_[a]));
        x.push_back(leaves.back());
        parameters.push_back(leaves.back());
        places.push_back(a);
        continue;
      }
      const std::size_t rank = x_[a].rank(), axis = rank - back;
      leaves.push_back(tape.variable(transpose(Var<double>(x_[a]), to_front(axis, rank)).value(), Examples::axis0));
      x.push_back(axis == 0 ? leaves.back() : transpose(leaves.back(), from_front(axis, rank)));
    }
    const Var<double> y = row_.f(x);
    close(y.value(), y_, rounding, "value");
    if (!y.moved() && y.examples() != Examples::axis0) {
      if (apart(chosen, back, *n)) {
        lost_ += " those in axis -" + std::to_string(back) + " of";
        for (std::size_t a = 0; a < x_.size(); ++a)
          if (chosen >> a & 1) lost_ += " argument " + std::to_string(a);
        lost_ += ";";
      }
      return;
    }
    const Var<double> front = y.moved() ? y.moved()->front : y;
    const Place place = y.moved() ? y.moved()->place : Place{y.rank()};
    expect(front.examples() == Examples::axis0 &&
               front.shape() == (y.moved() ? front_shape(y.shape(), place, *n) : y.shape()),
           "examples in front of shape " + to_string(front.shape()));
    const std::size_t axis = y.rank() - std::min(place.back, y.rank());
    const std::size_t before = place.back > y.rank() ? 1 : y.shape().slice(0, axis).size() * place.before;
    if (y.size() == 0) return;
    const Var<double> back_again =
        transpose(Var<double>(front.value().reshaped({*n, before, y.size() / *n / before})), {1, 0, 2});
    close(back_again.value().reshaped(y.shape()), y.value(), 0.0, "examples in front and in their place");
    independent(front, leaves, chosen);
    factors(front, leaves, parameters, places);
  }

  // The examples of the chosen arguments in the order of `from`.
  Array<double> value_at(std::size_t chosen, std::size_t back, const std::vector<std::size_t>& from) const {
    std::vector<Var<double>> x = constants<double>(x_);
    for (std::size_t a = 0; a < x.size(); ++a)
      if (chosen >> a & 1) x[a] = gather(x[a], -static_cast<long>(back), from);
    return row_.f(x).value();
  }

  // Whether some axis of the result holds the examples: it turns as they do, and what one of them is changes its own
  // entries there and no others.
  bool apart(std::size_t chosen, std::size_t back, std::size_t n) const {
    if (n < 2) return false;
    for (std::size_t a = 0; a < x_.size(); ++a) {
      const bool marked = (chosen >> a & 1) != 0;
      // What has an entry for each example, but is not theirs, mixes them whatever its numbers are.
      if (!marked && x_[a].rank() >= back && x_[a].shape().from_right(back) == n) return false;
      // Op::infer says only that examples on axis 0 stay there, not that another axis may come before it.
      if (marked && x_[a].rank() == back && y_.rank() > back) return false;
    }
    std::vector<std::size_t> turned(n);
    for (std::size_t e = 0; e < n; ++e) turned[e] = (e + 1) % n;
    for (std::size_t axis = 0; axis < y_.rank(); ++axis)
      if (y_.shape()[axis] == n && holds_examples(axis, chosen, back, turned)) return true;
    return false;
  }
  bool holds_examples(std::size_t axis, std::size_t chosen, std::size_t back,
                      const std::vector<std::size_t>& turned) const {
    const auto at = [&](const Array<double>& y, const std::vector<std::size_t>& entries) {
      return gather(Var<double>(y), static_cast<long>(axis), entries).value();
    };
    if (difference(value_at(chosen, back, turned), at(y_, turned)) > rounding) return false;
    for (std::size_t e = 0; e < turned.size(); ++e) {
      std::vector<std::size_t> order(turned.size()), others;
      std::iota(order.begin(), order.end(), std::size_t(0));
      order[e] = turned[e];
      for (std::size_t m = 0; m < turned.size(); ++m)
        if (m != e) others.push_back(m);
      const Array<double> y = value_at(chosen, back, order);
      if (difference(at(y, others), at(y_, others)) > rounding) return false;
      if (difference(at(y, {e}), at(y_, {e})) < 1e-6) return false;
    }
    return true;
  }

  // Example e of the result depends on example e of the arguments alone.
  void independent(const Var<double>& front, const std::vector<Var<double>>& leaves, std::size_t chosen) {
    const Array<double> w = random_array(random_, front.shape());
    const Arrays whole = values<double>(pullback<double>(front, Var<double>(w), leaves), leaves);
    for (std::size_t e = 0; e < w.shape().front(); ++e) {
      const Arrays bars = values<double>(pullback<double>(front, Var<double>(one_example(w, e)), leaves), leaves);
      for (std::size_t a = 0; a < bars.size(); ++a)
        if (chosen >> a & 1)
          close(bars[a], one_example(whole[a], e), rounding, "cotangent of argument " + std::to_string(a));
    }
  }

  void factors(const Var<double>& front, const std::vector<Var<double>>& leaves,
               const std::vector<Var<double>>& parameters, const std::vector<std::size_t>& places) {
    if (parameters.empty()) return;
    const Array<double> w = random_array(random_, front.shape());
    const std::size_t n = front.shape().front();
    Arrays sums;
    for (const Var<double>& p : parameters) sums.push_back(Array<double>::zeros({1, n, p.size()}));
    FactorSweep<double> sweep(front, w, parameters);
    while (const std::optional<ParameterUse<double>> use = sweep.next())
      sums[use->parameter] = plus(sums[use->parameter], use->factor.dense());
    for (std::size_t e = 0; e < n; ++e) {
      const Arrays bars = values<double>(pullback<double>(front, Var<double>(one_example(w, e)), leaves), leaves);
      for (std::size_t p = 0; p < parameters.size(); ++p)
        close(sums[p].flat_slice(e * parameters[p].size(), parameters[p].shape()), bars[places[p]], rounding,
              "factor of argument " + std::to_string(places[p]));
    }
  }

  std::string lost_;  // where examples stay apart but are not followed
};

}  // namespace

void expect_following(const OpRow& row) { Following(row).run(); }

}  // namespace xtangent::testing
