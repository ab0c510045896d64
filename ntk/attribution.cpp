#include "ntk/attribution.hpp"

#include <limits>

#include "autodiff/error.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {

template <class T>
Var<T> margins(const Var<T>& outputs, const Labels& y) {
  const Shape& shape = outputs.shape();
  if (shape.rank() != 2 || shape[0] != y.size() || shape[1] < 2)
    throw shape_error("[margins] outputs " + to_string(shape) + " and " + std::to_string(y.size()) +
                      " labels: they must be (N, O) and N, with at least two outputs.");
  const std::size_t o = shape[1];
  Array<T> picked = Array<T>::zeros(shape), hidden = Array<T>::zeros(shape);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] >= o)
      throw data_error("[margins] example " + std::to_string(i) + " has the label " + std::to_string(y[i]) +
                       ", and the network has " + std::to_string(o) + " outputs: labels count from 0.");
    picked.mutable_data()[i * o + y[i]] = T(1);
    hidden.mutable_data()[i * o + y[i]] = -std::numeric_limits<T>::infinity();
  }
  // log(p / (1 - p)) = f_y - log sum_{o != y} exp(f_o)
  return sum(outputs * batched(picked), {1}) - logsumexp(outputs + batched(hidden), 1);
}

template <class T>
Array<T> misses(const Array<T>& outputs, const Labels& y) {
  return sigmoid(-margins(batched(outputs), y)).value();
}

template <class T>
Array<double> Attribution<T>::scores(const AnyMatrix& kernel_new, const Doubles& misses) const {
  check_misses("scores", misses, size());
  const Shape& shape = kernel_new.shape();
  if (shape.rank() != 2 || shape[1] != size())
    throw shape_error("[scores] kernel_new " + to_string(shape) + ", expected (M, " + std::to_string(size()) +
                      "): new examples in rows, training examples in columns.");
  if (shape[0] == 0) return Array<double>(shape);
  const Var<double> columns = transpose(Var<double>(kernel_new.wide()));
  return (transpose(Var<double>(factor_.solve(columns.value()))) * Var<double>(misses)).value();
}

template <class T>
Array<double> Attribution<T>::self_influence(const Doubles& misses) const {
  check_misses("self_influence", misses, size());
  // K (K + ridge I)^-1 = I - ridge (K + ridge I)^-1
  const Var<double> inverse = Var<double>(factor_.inverse_diagonal().reshaped({size()}));
  return ((1.0 - ridge() * inverse) * Var<double>(misses)).value();
}

#define XTANGENT_INSTANTIATE(T)                             \
  template Var<T> margins(const Var<T>&, const Labels&);    \
  template Array<T> misses(const Array<T>&, const Labels&); \
  template class Attribution<T>;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
