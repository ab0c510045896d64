// Readouts of outputs (N, T, V) at T positions, with masks.
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/given.hpp"

namespace xtangent::ntk {
namespace {

// The mask (N, T) divided by its sum over the positions of each example.
Array<double> normalized(const char* who, const Array<double>& mask) {
  const std::string name = std::string("[readout ") + who + "] ";
  if (mask.rank() != 2 || mask.size() == 0)
    throw shape_error(name + "a mask " + to_string(mask.shape()) + ": it must be (N, T).");
  const std::size_t t = mask.shape()[1];
  Array<double> out(mask.shape());
  for (std::size_t n = 0; n < mask.shape()[0]; ++n) {
    double sum = 0;
    for (std::size_t i = 0; i < t; ++i) {
      const double one = mask[n * t + i];
      if (!(one >= 0) || !std::isfinite(one))
        throw data_error(name + "the mask of example " + std::to_string(n) + " holds " + std::to_string(one) +
                         ": weights must be finite and not negative.");
      sum += one;
    }
    if (sum == 0)
      throw data_error(name + "the mask of example " + std::to_string(n) + " is empty: leave the example out.");
    for (std::size_t i = 0; i < t; ++i) out.mutable_data()[n * t + i] = mask[n * t + i] / sum;
  }
  return out;
}

// The number of outputs of one of `positions` positions.
std::size_t of_position(const std::string& name, std::size_t outputs, std::size_t positions) {
  if (outputs % positions != 0)
    throw shape_error("[readout " + name + "] a network of " + std::to_string(outputs) + " outputs has not the same " +
                      "number at each of " + std::to_string(positions) + " positions: its output must be (N, " +
                      std::to_string(positions) + ", V).");
  return outputs / positions;
}

class MaskedMean : public Given {
 public:
  MaskedMean(Array<double> weights, Readout inner) : weights_(std::move(weights)), inner_(std::move(inner)) {}
  std::string name() const override { return std::string("masked mean of ").append(inner_.name()); }
  std::size_t columns(std::size_t outputs) const override { return inner_.columns(outputs / positions()); }
  std::optional<std::size_t> examples() const override { return weights_.shape()[0]; }
  void check(std::size_t outputs) const override { inner_.check(of_position("masked_mean", outputs, positions())); }
  std::string fingerprint() const override {
    return ntk::fingerprint(weights_.data(), weights_.bytes(), Repeated(inner_).fingerprint());
  }

 protected:
  Array<double> matrix(std::size_t outputs) const override { return inner_.weights(outputs / positions()); }
  double entry(std::size_t n, std::size_t o, std::size_t k, std::size_t outputs,
               const Array<double>& r) const override {
    const std::size_t v = outputs / positions();
    return weights_[n * positions() + o / v] * r[o % v * r.shape()[1] + k];
  }

 private:
  std::size_t positions() const { return weights_.shape()[1]; }

  Array<double> weights_;
  Readout inner_;
};

class TokenLoss : public FunctionOf<TokenLoss> {
 public:
  TokenLoss(Labels y, Array<double> weights) : y_(std::move(y)), weights_(std::move(weights)) {}
  std::string name() const override { return "token loss"; }
  std::optional<std::size_t> examples() const override { return weights_.shape()[0]; }
  void check(std::size_t outputs) const override {
    const std::size_t t = weights_.shape()[1], v = of_position("token_loss", outputs, t);
    for (std::size_t i = 0; i < y_.size(); ++i)
      if (y_[i] >= v)
        throw data_error("[readout token_loss] example " + std::to_string(i / t) + " has the target " +
                         std::to_string(y_[i]) + " at position " + std::to_string(i % t) + ", and the network has " +
                         std::to_string(v) + " outputs there: targets count from 0.");
  }
  std::string fingerprint() const override {
    return ntk::fingerprint(weights_.data(), weights_.bytes(), fingerprint_of(y_));
  }

  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    const std::size_t t = weights_.shape()[1], v = f.shape()[1] / t, n = at.size();
    Array<T> picked = Array<T>::zeros({n, t, v});
    for (std::size_t i = 0; i < n * t; ++i) {
      const std::size_t all = at.first * t + i;
      picked.mutable_data()[i * v + y_[all]] = static_cast<T>(-weights_[all]);
    }
    return sum(log_softmax(reshape(f, {n, t, v}), 2) * batched(picked), {1, 2});
  }

 private:
  Labels y_;
  Array<double> weights_;
};

}  // namespace

namespace readout {

Readout token_loss(Labels y, std::size_t positions, Array<double> mask) {
  if (positions == 0 || y.size() % positions != 0)
    throw shape_error("[readout token_loss] " + std::to_string(y.size()) + " targets for " + std::to_string(positions) +
                      " positions: each example needs one at each position.");
  const Shape shape{y.size() / positions, positions};
  if (!mask.defined()) mask = Array<double>::ones(shape);
  if (!(mask.shape() == shape))
    throw shape_error("[readout token_loss] a mask " + to_string(mask.shape()) + " for targets " + to_string(shape) +
                      ".");
  return detail::of(std::make_shared<TokenLoss>(std::move(y), normalized("token_loss", mask)));
}

Readout masked_mean(Array<double> mask, const Readout& inner) {
  if (!inner.common())
    throw option_error("[readout masked_mean] " + inner.name() + " differs between examples. Use a common readout.");
  Readout out = detail::of(std::make_shared<MaskedMean>(normalized("masked_mean", mask), inner));
  out.reduction = inner.reduction;
  return out;
}

}  // namespace readout

}  // namespace xtangent::ntk
