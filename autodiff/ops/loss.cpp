#include "autodiff/ops/loss.hpp"

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/ops/selection.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

template <class T>
Var<T> reduced(const Var<T>& losses, Reduction reduction, const char* who) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::sum) return sum(losses);
  if (losses.size() == 0)
    throw shape_error(std::string("[") + who +
                      "] the mean over no examples is undefined. Use Reduction::sum or Reduction::none.");
  return mean(losses);
}

template <class T>
void check_same_shape(const Var<T>& a, const Var<T>& b, const char* who) {
  if (!(a.shape() == b.shape()))
    throw shape_error(std::string("[") + who + "] " + to_string(a.shape()) + " against a target of " +
                      to_string(b.shape()) + ". Both must have the same shape.");
}

// A constant target belongs to the same examples as the prediction.
template <class T>
Var<T> marked_like(const Var<T>& target, const Var<T>& prediction) {
  if (!target.is_constant() || target.examples() != Examples::none) return target;
  return Var<T>(target.value(), prediction.examples());
}

template <class T>
void check_classes(const Var<T>& logits) {
  if (logits.rank() == 0 || logits.shape().back() == 0)
    throw shape_error("[cross_entropy] logits of shape " + to_string(logits.shape()) +
                      " have no classes. Expected (N, O).");
}

// Row r of the logits selects its label.
std::shared_ptr<const Selection> select_labels(const Shape& logits, const std::vector<std::size_t>& labels) {
  auto s = std::make_shared<Selection>();
  s->from = logits;
  s->to = logits.slice(0, logits.rank() - 1);
  s->blocks = labels.size();
  s->index.reserve(labels.size());
  for (std::size_t n = 0; n < labels.size(); ++n) {
    if (labels[n] >= logits.back())
      throw data_error("[cross_entropy] label " + std::to_string(labels[n]) + " of example " + std::to_string(n) +
                       "; logits of shape " + to_string(logits) + " allow 0 to " + std::to_string(logits.back() - 1) +
                       ".");
    s->index.push_back(static_cast<std::uint32_t>(labels[n]));
  }
  return s;
}

}  // namespace

template <class T>
Var<T> cross_entropy(const Var<T>& logits, const std::vector<std::size_t>& labels, Reduction reduction) {
  const FunctionName name("cross_entropy", logits);
  check_classes(logits);
  const Shape rows = logits.shape().slice(0, logits.rank() - 1);
  if (labels.size() != rows.size())
    throw shape_error("[cross_entropy] " + std::to_string(labels.size()) + " labels for logits of shape " +
                      to_string(logits.shape()) + ", which hold " + std::to_string(rows.size()) + " rows.");
  check_block_size(logits.shape().back(), "cross_entropy");
  const auto selection = select_labels(logits.shape(), labels);
  return reduced(-select(log_softmax(logits), selection), reduction, "cross_entropy");
}

template <class T>
Var<T> cross_entropy(const Var<T>& logits, const Var<T>& probabilities, Reduction reduction) {
  const FunctionName name("cross_entropy", logits, probabilities);
  check_classes(logits);
  check_same_shape(logits, probabilities, "cross_entropy");
  const Var<T> losses = -sum(log_softmax(logits) * marked_like(probabilities, logits), {-1});
  return reduced(losses, reduction, "cross_entropy");
}

template <class T>
Var<T> mean_squared_error(const Var<T>& prediction, const Var<T>& target, Reduction reduction) {
  const FunctionName name("mean_squared_error", prediction, target);
  check_same_shape(prediction, target, "mean_squared_error");
  return reduced(square(prediction - marked_like(target, prediction)), reduction, "mean_squared_error");
}

template <class T>
Var<T> binary_cross_entropy_with_logits(const Var<T>& logits, const Var<T>& targets, Reduction reduction) {
  const FunctionName name("binary_cross_entropy_with_logits", logits, targets);
  check_same_shape(logits, targets, "binary_cross_entropy_with_logits");
  const Var<T> losses = softplus(logits) - logits * marked_like(targets, logits);
  return reduced(losses, reduction, "binary_cross_entropy_with_logits");
}

#define XTANGENT_INSTANTIATE(T)                                                             \
  template Var<T> cross_entropy(const Var<T>&, const std::vector<std::size_t>&, Reduction); \
  template Var<T> cross_entropy(const Var<T>&, const Var<T>&, Reduction);                   \
  template Var<T> mean_squared_error(const Var<T>&, const Var<T>&, Reduction);              \
  template Var<T> binary_cross_entropy_with_logits(const Var<T>&, const Var<T>&, Reduction);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
