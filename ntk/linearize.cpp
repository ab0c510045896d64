#include "ntk/linearize.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
using Function = std::function<Var<T>(Vars<T>)>;

// f (N, O) and its derivatives along `step`, side by side: (N, (order + 1) O). Examples stay apart in this layout.
template <class T>
Function<T> with_derivatives(Function<T> f, const std::vector<Var<T>>& step, std::size_t order) {
  if (order == 0) return f;
  return [inner = with_derivatives(std::move(f), step, order - 1), &step, order](Vars<T> theta) {
    const auto [lower, tangent] = push_streaming<T>(inner, theta, step);
    const std::size_t width = lower.shape().back() / order;
    return concatenate({lower, slice(tangent, -1, (order - 1) * width, order * width)}, -1);
  };
}

// f(center + step), expanded around the center.
template <class T>
Var<T> expanded(const Function<T>& f, const std::vector<Var<T>>& center, const std::vector<Var<T>>& step,
                std::size_t order) {
  Shape shape;
  const Function<T> in_columns = [&](Vars<T> theta) {
    const Var<T> y = f(theta);
    shape = y.shape();
    return shape.rank() > 1 ? y : reshape(y, {shape.size(), 1});
  };
  const Var<T> parts = with_derivatives<T>(in_columns, step, order)(center);
  const std::size_t width = parts.shape().back() / (order + 1);
  Var<T> sum = slice(parts, -1, 0, width);
  double factor = 1;
  for (std::size_t j = 1; j <= order; ++j) {
    factor /= static_cast<double>(j);
    sum = sum + factor * slice(parts, -1, j * width, (j + 1) * width);
  }
  return shape.rank() > 1 ? sum : reshape(sum, shape);
}

class TaylorExpansion : public nn::ModuleBase {
 public:
  TaylorExpansion(nn::AnyModule net, nn::Parameters<double> center, std::size_t order)
      : net_(std::move(net)), center_(std::move(center)), narrow_(center_.cast<float>()), order_(order) {
    const std::shared_ptr<const nn::Layout> layout = net_->layout();
    const bool same = std::equal(
        layout->parameters.begin(), layout->parameters.end(), center_.infos().begin(), center_.infos().end(),
        [](const nn::ParameterInfo& a, const nn::ParameterInfo& b) { return a.name == b.name && a.shape == b.shape; });
    if (!same)
      throw parameter_error("[taylor_expand] these are not the parameters of the network " + net_->type() +
                            ". Pass those that its init made, or values of the same names and shapes.");
  }

  void declare(nn::Declaration& declaration) const override { net_->declare(declaration); }
  Var<float> run(nn::Scope<float> p, const Var<float>& x) const override { return run_at(p, x); }
  Var<double> run(nn::Scope<double> p, const Var<double>& x) const override { return run_at(p, x); }

 private:
  // The expansion may be a layer of another network, whose parameters are more than its own.
  template <class T>
  Var<T> run_at(nn::Scope<T> p, const Var<T>& x) const {
    const nn::Run<T>& run = p.run();
    const auto& layers = run.layout.layers;
    const auto layer = static_cast<std::size_t>(
        std::find_if(layers.begin(), layers.end(), [&](const auto& l) { return l.path == p.path(); }) - layers.begin());
    const nn::Parameters<T>& parameters = center<T>();
    std::vector<std::size_t> places;
    std::vector<Var<T>> from, step;
    for (const auto& [info, value] : parameters) {
      places.push_back(place_of(run.layout, p.path().empty() ? info.name : p.path() + "." + info.name));
      from.emplace_back(value);
      step.push_back(run.parameters[places.back()] - from.back());
    }
    const Function<T> f = [&](Vars<T> theta) {
      std::vector<Var<T>> all(run.parameters.begin(), run.parameters.end());
      for (std::size_t i = 0; i < places.size(); ++i) all[places[i]] = theta[i];
      const nn::Run<T> moved{run.layout, all, run.buffers, run.draws, run.context, run.observer};
      return net_->run(nn::Scope<T>(moved, layer), x);
    };
    return expanded<T>(f, from, step, order_);
  }

  static std::size_t place_of(const nn::Layout& layout, const std::string& name) {
    const std::string_view listed = layout.listed(name);
    const auto at = std::find_if(layout.parameters.begin(), layout.parameters.end(),
                                 [&](const nn::ParameterInfo& info) { return info.name == listed; });
    return static_cast<std::size_t>(at - layout.parameters.begin());
  }

  template <class T>
  const nn::Parameters<T>& center() const {
    if constexpr (std::is_same_v<T, float>)
      return narrow_;
    else
      return center_;
  }

  nn::AnyModule net_;
  nn::Parameters<double> center_;
  nn::Parameters<float> narrow_;  // the same for runs in float
  std::size_t order_;
};

}  // namespace

template <class T>
nn::AnyModule linearize(nn::AnyModule net, const nn::Parameters<T>& params) {
  return taylor_expand(std::move(net), params, 1);
}

template <class T>
nn::AnyModule taylor_expand(nn::AnyModule net, const nn::Parameters<T>& params, std::size_t order) {
  return TaylorExpansion(std::move(net), params.template cast<double>(), order);
}

#define XTANGENT_INSTANTIATE(T)                                              \
  template nn::AnyModule linearize(nn::AnyModule, const nn::Parameters<T>&); \
  template nn::AnyModule taylor_expand(nn::AnyModule, const nn::Parameters<T>&, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
