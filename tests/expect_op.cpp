#include <cmath>

#include "tests/checked_row.hpp"

namespace xtangent::testing {
namespace {

class Check : CheckedRow {
 public:
  explicit Check(const OpRow& row) : CheckedRow(row) {}

  void run() {
    property("shapes", [this] { shapes(); });
    property("kinks", [this] { kinks(); });
    property("tangent", [this] { tangent(); });
    property("duality", [this] { duality(); });
    property("hessian", [this] { hessian(); });
    property("fan-out", [this] { fan_out(); });
    property("float", [this] { in_float(); });
    property("repeat", [this] { repeat(); });
    property("probes", [this] { first_order_probes(); });
    property("probes", [this] { second_order_probes(); });
  }

 private:
  void shapes() const {
    const Recording<double> r = record(x_);
    for (const Node<double>& node : r.tape.record()->nodes) {
      if (!node.op) continue;
      std::vector<Spec> specs;
      for (const auto& argument : node.arguments) specs.push_back(argument.value.spec());
      const Spec spec = node.op->infer(specs);
      expect(spec.shape == node.value.shape() && spec.examples == node.value.examples(), node.op->name() + ": infer");
    }
    expect(same_bits(y_, r.y.value()), "recording changes the value");
    if (row_.options.reference) close(y_, row_.options.reference(x_), rounding, "value and reference");
    if (batched_)
      expect(marked_ == (row_.options.mixes ? Examples::mixed : Examples::axis0), "mark of the result");
    else
      expect(marked_ == Examples::none, "mark of a result without examples");
    for (const std::vector<Shape>& wrong : row_.options.wrong) {
      Arrays x;
      std::string text = "arguments";
      for (const Shape& shape : wrong) {
        x.push_back(Array<double>::ones(shape));
        text.append(" ").append(to_string(shape));
      }
      bool threw = false;
      try {
        row_.f(constants<double>(x));
      } catch (const shape_error& e) {
        threw = std::string(e.what()).starts_with('[');
      }
      expect(threw, text + " must throw shape_error naming the op");
    }
  }

  void kinks() const {
    constexpr double h = 2e-3;
    const Array<double> right = evaluate<double>(moved(x_, h, v_)).value();
    const Array<double> left = evaluate<double>(moved(x_, -h, v_)).value();
    double bend = 0.0, slope = 1.0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      bend = std::max(bend, std::abs(right[i] - 2 * y_[i] + left[i]) / h);
      slope = std::max(slope, std::abs(right[i] - left[i]) / h);
    }
    expect(bend <= 0.1 * slope, "the inputs lie too close to a kink; change their domain");
  }

  void tangent() const {
    const VectorFunction g = [this](const Arrays& x) { return Arrays{evaluate<double>(x).value()}; };
    const Array<double> expected = central_difference(g, x_, v_)[0];
    close(push(record(x_), v_), expected, differences, "pushforward and differences");
    std::vector<Var<double>> x;
    for (std::size_t i = 0; i < x_.size(); ++i) x.emplace_back(x_[i], row_.inputs[i].examples);
    const auto streamed = push_streaming<double>(row_.f, x, constants<double>(v_));
    expect(same_bits(streamed.value.value(), y_), "streaming changes the value");
    close(streamed.tangent.value(), expected, differences, "streaming tangent and differences");
    if (batched_ && !row_.options.mixes) marks_of_tangents(x);
  }

  // Tangents of values that belong to examples belong to the same examples, also where they come from what all examples
  // share. Otherwise the expansion of a network in its parameters would have no kernel.
  void marks_of_tangents(const std::vector<Var<double>>& x) const {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      std::vector<Var<double>> along(x_.size());
      along[i] = Var<double>(v_[i], row_.inputs[i].examples);
      const Var<double> dy = push_streaming<double>(row_.f, x, along).tangent;
      expect(!dy.defined() || dy.examples() == Examples::axis0,
             "the tangent along argument " + std::to_string(i) + " has lost the mark of the examples");
    }
  }

  void duality() const {
    const Recording<double> r = record(x_);
    const Array<double> dy = push(r, v_);
    const Arrays xbar = pull(r, w_);
    const double left = inner(w_, dy), right = inner(xbar, v_);
    expect(std::abs(left - right) <= 1e-12 * std::max({1.0, std::abs(left), std::sqrt(inner(w_, w_) * inner(dy, dy))}),
           "<ybar, J dx> = " + std::to_string(left) + ", <J^T ybar, dx> = " + std::to_string(right));
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const std::vector<Var<double>> alone = pullback<double>(r.y, Var<double>(w_), Vars<double>(r.x).subspan(i, 1));
      expect(same_bits(values<double>(alone, Vars<double>(r.x).subspan(i, 1))[0], xbar[i]),
             "argument " + std::to_string(i) + " alone gives another cotangent");
    }
  }

  enum class Nesting { forward_over_reverse, reverse_over_forward, reverse_over_reverse };

  Arrays hessian_product(Nesting nesting, const Arrays& v) const {
    Recording<double> r = record(x_);
    r.y = objective(r.y);
    const Var<double> one(Array<double>::scalar(1));
    const std::vector<Var<double>> along = constants<double>(v);
    Var<double> directional;
    if (nesting == Nesting::reverse_over_forward) {
      const Var<double> y[] = {r.y};
      directional = pushforward<double>(y, r.x, along, {.record = true})[0];
    } else {
      const std::vector<Var<double>> g = pullback<double>(r.y, one, r.x, {.record = true});
      if (nesting == Nesting::forward_over_reverse) return values<double>(pushforward<double>(g, r.x, along), r.x);
      for (std::size_t i = 0; i < g.size(); ++i)
        if (g[i].defined()) accumulate(directional, total(g[i] * along[i]));
    }
    return values<double>(pullback<double>(directional, one, r.x), r.x);
  }

  void hessian() const {
    const Arrays expected = central_difference([this](const Arrays& x) { return gradient(x); }, x_, v_);
    const Nesting all[] = {Nesting::forward_over_reverse, Nesting::reverse_over_forward, Nesting::reverse_over_reverse};
    const char* names[] = {"forward over reverse", "reverse over forward", "reverse over reverse"};
    for (std::size_t i = 0; i < 3; ++i) {
      const Arrays hv = hessian_product(all[i], v_), hu = hessian_product(all[i], u_);
      close(hv, expected, 10 * differences, std::string(names[i]) + " and differences of gradients");
      const double left = inner(u_, hv), right = inner(v_, hu);
      expect(std::abs(left - right) <= 1e-11 * std::max({1.0, std::sqrt(inner(hv, hv) * inner(u_, u_))}),
             std::string(names[i]) + " is not symmetric: " + std::to_string(left) + ", " + std::to_string(right));
    }
  }

  void fan_out() const {
    // Every argument that fits in the place of the first is replaced by it.
    Arrays x = x_;
    std::vector<std::size_t> same;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (row_.inputs[i].shape == row_.inputs[0].shape && row_.inputs[i].examples == row_.inputs[0].examples &&
          row_.inputs[i].low == row_.inputs[0].low && row_.inputs[i].high == row_.inputs[0].high) {
        x[i] = x_[0];
        same.push_back(i);
      }
    const Arrays each = pull(record(x), w_);
    Array<double> expected = each[0];
    for (std::size_t i = 1; i < same.size(); ++i) expected = plus(expected, each[same[i]]);
    Tape<double> tape;
    std::vector<Var<double>> args;
    for (std::size_t i = 0; i < x.size(); ++i) args.push_back(tape.variable(x[i], row_.inputs[i].examples));
    for (const std::size_t i : same) args[i] = args[0];
    const Var<double> y = row_.f(args);
    const std::vector<Var<double>> shared = pullback<double>(y, Var<double>(w_), Vars<double>(args).subspan(0, 1));
    close(values<double>(shared, args)[0], expected, rounding, "cotangent of an argument used in several places");
    // The op recorded twice over the same arguments.
    Recording<double> twice = record(x_);
    twice.y = total(twice.y * Var<double>(w_)) + total(row_.f(twice.x) * Var<double>(q_));
    close(pull(twice, Array<double>::scalar(1)), pull(record(x_), plus(w_, q_)), rounding, "cotangent of two uses");
  }

  void in_float() const {
    Arrays rounded;
    for (const Array<double>& a : x_) rounded.push_back(to_double(cast<float>(a)));
    const Recording<float> f = record<float>(rounded);
    const Recording<double> d = record(rounded);
    close(to_double(f.y.value()), d.y.value(), single, "values");
    close(pull(f, w_), pull(d, w_), single, "cotangents");
    close(push(f, v_), push(d, v_), single, "tangents");
  }

  void repeat() const {
    const Recording<double> r = record(x_);
    const Arrays first = pull(r, w_), second = pull(r, w_);
    for (std::size_t i = 0; i < x_.size(); ++i)
      expect(same_bits(first[i], second[i]), "second reverse sweep, argument " + std::to_string(i));
    expect(same_bits(push(r, v_), push(r, v_)), "second forward sweep");
    const std::vector<Var<double>> recorded = pullback<double>(r.y, Var<double>(w_), r.x, {.record = true});
    close(values<double>(recorded, r.x), first, rounding, "recorded and plain sweep");
  }

  void first_order_probes() {
    const Recording<double> r = record(x_);
    const Var<double> y[] = {r.y};
    for (const std::size_t k : {1, 3}) {
      const Array<double> ybar = seeds({y_}, k)[0];
      const Arrays xbar = pull(r, ybar), v = seeds(x_, k);
      const Array<double> dy = push(r, v);
      for (std::size_t p = 0; p < k; ++p) {
        close(probe(xbar, p), pull(r, probe(ybar, p)), rounding, "cotangents of seed " + std::to_string(p));
        close(probe(dy, p), push(r, probe(v, p)), rounding, "tangents of seed " + std::to_string(p));
      }
      for (std::size_t i = 0; i < x_.size(); ++i) {  // a tangent of one argument only
        std::vector<Var<double>> one(x_.size()), one_probe(x_.size());
        one[i] = Var<double>(v[i]);
        one_probe[i] = Var<double>(probe(v[i], k - 1));
        const Arrays all = values<double>(pushforward<double>(y, r.x, one), y, k);
        close(probe(all[0], k - 1), values<double>(pushforward<double>(y, r.x, one_probe), y)[0], rounding,
              "tangents along argument " + std::to_string(i));
      }
    }
  }

  void second_order_probes() {
    constexpr std::size_t k = 2;
    Recording<double> r = record(x_);
    const Var<double> y = r.y;
    r.y = objective(y);
    const Arrays v = seeds(x_, k);
    const std::vector<Var<double>> g =
        pullback<double>(r.y, Var<double>(Array<double>::scalar(1)), r.x, {.record = true});
    const Arrays hv = values<double>(pushforward<double>(g, r.x, constants<double>(v)), r.x, k);
    for (std::size_t p = 0; p < k; ++p)
      close(probe(hv, p), values<double>(pushforward<double>(g, r.x, constants<double>(probe(v, p))), r.x), rounding,
            "Hessian-vector products, forward over reverse");
    // A recorded sweep with probes is a value that can be differentiated.
    const Array<double> ybar = seeds({y_}, k)[0];
    const auto curvature = [&](const Array<double>& seed, const Arrays& along) {
      const std::vector<Var<double>> xbar = pullback<double>(y, Var<double>(seed), r.x, {.record = true});
      Var<double> sum;
      for (std::size_t i = 0; i < xbar.size(); ++i)
        if (xbar[i].defined()) accumulate(sum, total(xbar[i] * Var<double>(along[i])));
      return values<double>(pullback<double>(sum, Var<double>(Array<double>::scalar(1)), r.x), r.x);
    };
    const Arrays together = curvature(ybar, v);
    const Arrays first = curvature(probe(ybar, 0), probe(v, 0)), second = curvature(probe(ybar, 1), probe(v, 1));
    for (std::size_t i = 0; i < together.size(); ++i)
      close(together[i], plus(first[i], second[i]), rounding, "reverse over reverse with probes");
  }
};

}  // namespace

void expect_op(const OpRow& row) {
  try {
    Check(row).run();
    expect_examples(row);
    expect_following(row);
  } catch (const std::exception& e) {
    BOOST_CHECK_MESSAGE(false, row.name << ": evaluation threw: " << e.what());
  }
}

void expect_ops(const std::vector<OpRow>& rows) {
  for (const OpRow& row : rows) expect_op(row);
}

}  // namespace xtangent::testing
