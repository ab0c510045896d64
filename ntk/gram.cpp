#include "ntk/gram.hpp"

#include <string>

#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/computation/head.hpp"

namespace xtangent::ntk {
namespace {

// f (N, O)
template <class T>
Array<double> outputs_of(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                         const char* which) {
  check_examples("output_gram", x, which, 0);
  check_parameters("output_gram", params);
  const Array<T> f = net(params, x);
  const std::size_t n = x.shape()[0];
  if (f.rank() == 0 || f.shape()[0] != n)
    throw shape_error("[output_gram] outputs " + to_string(f.shape()) + " for examples " + to_string(x.shape()) +
                      "; their axis 0 must run over the same examples.");
  if (!all_finite(f)) throw numerical_error("[output_gram] an output is NaN or infinite. Scale the parameters.");
  return converted<double>(f).reshaped({n, f.shape().slice(1, f.rank()).size()});
}

Array<double> scaled_gram(const Array<double>& a, const Array<double>& b, bool symmetric) {
  return gram(a, b, symmetric, {.scale = 1 / static_cast<double>(a.shape()[1])});
}

}  // namespace

template <class T>
Array<double> output_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x) {
  const Array<double> f = outputs_of(net, params, x, "x");
  return scaled_gram(f, f, true);
}

template <class T>
Array<double> output_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                          const Array<T>& x2) {
  check_examples("output_gram", x1, "x1", 0);
  check_examples("output_gram", x2, "x2", 0);
  check_same_shape("output_gram", x1, x2);
  return scaled_gram(outputs_of(net, params, x1, "x1"), outputs_of(net, params, x2, "x2"), false);
}

template <class T>
Array<double> feature_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x) {
  const Array<double> h = head_of("feature_gram", net, params, x).inputs;
  return gram(h, h, true);
}

template <class T>
Array<double> feature_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                           const Array<T>& x2) {
  check_examples("feature_gram", x1, "x1");
  check_examples("feature_gram", x2, "x2");
  check_same_shape("feature_gram", x1, x2);
  return gram(head_of("feature_gram", net, params, x1).inputs, head_of("feature_gram", net, params, x2).inputs, false);
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template Array<double> output_gram(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&);  \
  template Array<double> output_gram(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,   \
                                     const Array<T>&);                                                   \
  template Array<double> feature_gram(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&); \
  template Array<double> feature_gram(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,  \
                                      const Array<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
