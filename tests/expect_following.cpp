// Examples that do not stand on axis 0: whatever the op, what it says of them must be true.
#include <optional>

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

class Following : CheckedRow {
 public:
  explicit Following(const OpRow& row) : CheckedRow(row) {}

  void run() {
    if (row_.options.fixed_examples) return;
    property("following", [this] {
      for (std::size_t chosen = 1; chosen < std::size_t{1} << x_.size(); ++chosen)
        for (std::size_t back = 1; back < Shape::max_rank; ++back) check(chosen, back);
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
    if (!y.moved() && y.examples() != Examples::axis0) return;
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
};

}  // namespace

Array<double> one_example(const Array<double>& ybar, std::size_t n) {
  Array<double> out = Array<double>::zeros(ybar.shape());
  const std::size_t size = ybar.size() / ybar.shape().front();
  std::copy_n(ybar.data() + n * size, size, out.mutable_data() + n * size);
  return out;
}

void expect_following(const OpRow& row) { Following(row).run(); }

}  // namespace xtangent::testing
