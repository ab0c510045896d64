#include "ntk/algebra/checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {

template <class T>
void check_symmetric(const char* who, const Array<T>& kernel) {
  const std::string name = std::string("[") + who + "] ";
  if (kernel.rank() != 2 || kernel.shape()[0] != kernel.shape()[1] || kernel.size() == 0)
    throw shape_error(name + "the kernel must be square and not empty, got " + to_string(kernel.shape()) + ".");
  if (!all_finite(kernel)) throw numerical_error(name + "the kernel holds NaN or infinity.");
  const std::size_t n = kernel.shape()[0];
  const kernels::Asymmetry found = kernels::asymmetry(n, kernel.data(), n);
  if (found.skew <= (sizeof(T) == 4 ? 1e-4 : 1e-8) * found.scale) return;
  std::ostringstream text;
  text << name << "the kernel is not symmetric: entries differ from their mirror images by up to " << found.skew
       << ". Pass the kernel between one set of examples and itself.";
  throw numerical_error(text.str());
}

void check_ridge(const char* who, double ridge) {
  if (ridge >= 0 && std::isfinite(ridge)) return;
  std::ostringstream text;
  text << "[" << who << "] ridge " << ridge << " must be finite and not negative.";
  throw option_error(text.str());
}

double absolute_ridge(const std::vector<double>& diagonal, double ridge, bool relative) {
  if (!relative) return ridge;
  double sum = 0;
  for (double d : diagonal) sum += d;
  return ridge * std::max(sum / static_cast<double>(diagonal.size()), 0.0);
}

template <class T>
void check_resolved(const char* who, const std::vector<double>& diagonal) {
  const double largest = *std::max_element(diagonal.begin(), diagonal.end());
  constexpr double least = static_cast<double>(std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon());
  if (largest <= 0 || largest >= least) return;  // the pivots say what is wrong with the former
  std::ostringstream text;
  text << "[" << who << "] the largest entry of the diagonal is " << largest << ", and "
       << (sizeof(T) == 4 ? "float" : "double") << " computes with kernels from " << least
       << " on. Multiply the kernel and the ridge by a number" << (sizeof(T) == 4 ? ", or use double." : ".");
  throw numerical_error(text.str());
}
template void check_resolved<float>(const char*, const std::vector<double>&);
template void check_resolved<double>(const char*, const std::vector<double>&);

void check_rhs(const char* who, const Array<double>& y, std::size_t n) {
  const std::string name = std::string("[") + who + "] ";
  if (y.rank() < 1 || y.rank() > 2 || y.shape()[0] != n)
    throw shape_error(name + "right-hand side " + to_string(y.shape()) + " for a kernel of order " + std::to_string(n) +
                      ".");
  if (!all_finite(y)) throw numerical_error(name + "the right-hand side holds NaN or infinity.");
}

void check_misses(const char* who, const Array<double>& misses, std::size_t n) {
  const std::string name = std::string("[") + who + "] ";
  if (!(misses.shape() == Shape{n}))
    throw shape_error(name + "misses " + to_string(misses.shape()) + " for " + std::to_string(n) +
                      " training examples. Pass one number for each.");
  if (!all_finite(misses)) throw numerical_error(name + "the misses hold NaN or infinity.");
}

std::size_t columns_of_targets(const char* who, const Array<double>& y, const Array<double>& f0, std::size_t n) {
  const std::string name = std::string("[") + who + "] ";
  if (y.rank() != 2 || !(y.shape() == f0.shape()))
    throw shape_error(name + "y " + to_string(y.shape()) + " and f0 " + to_string(f0.shape()) +
                      " must both be (N, O).");
  if (y.shape()[0] == n) return y.shape()[1];
  if (y.size() != n)
    throw shape_error(name + "y " + to_string(y.shape()) +
                      " has neither as many rows (pNTK) nor as many entries (eNTK) " + "as the kernel has rows, " +
                      std::to_string(n) + ".");
  return 1;
}

template <class T>
void check_examples(const char* who, const Array<T>& x, const char* which, std::size_t least) {
  const std::string name = std::string("[") + who + "] ";
  if (!x.defined() || x.rank() == 0 || x.shape()[0] < least)
    throw shape_error(name + "no examples in " + which + ": shape " + to_string(x.shape()) +
                      ". Axis 0 runs over examples. Give at least one.");
  if (all_finite(x)) return;
  const std::size_t each = x.size() / x.shape()[0];
  std::size_t i = 0;
  while (std::isfinite(x[i])) ++i;
  throw numerical_error(name + which + " holds NaN or infinity at example " + std::to_string(i / each) + ", element " +
                        std::to_string(i % each) + ".");
}

template <class T>
void check_same_shape(const char* who, const Array<T>& x1, const Array<T>& x2) {
  if (!(x1.shape().slice(1, x1.rank()) == x2.shape().slice(1, x2.rank())))
    throw shape_error(std::string("[") + who + "] examples of " + to_string(x1.shape()) + " and " +
                      to_string(x2.shape()) + " have different shapes.");
}

template <class T>
void check_parameters(const char* who, const nn::Parameters<T>& params) {
  for (std::size_t i = 0; i < params.count(); ++i)
    if (!all_finite(params.slice(i))) refuse_parameter(who, params.infos()[i].name);
}

void refuse_parameter(const char* who, const std::string& name) {
  throw numerical_error(std::string("[") + who + "] parameter " + name +
                        " holds NaN or infinity. Check the training that made it.");
}

#define XTANGENT_INSTANTIATE(T)                                                         \
  template void check_symmetric(const char*, const Array<T>&);                          \
  template void check_examples(const char*, const Array<T>&, const char*, std::size_t); \
  template void check_same_shape(const char*, const Array<T>&, const Array<T>&);        \
  template void check_parameters(const char*, const nn::Parameters<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
