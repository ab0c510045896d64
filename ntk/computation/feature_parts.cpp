#include "ntk/computation/feature_parts.hpp"

#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/computation/chosen_examples.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t usual_part_bytes = std::size_t{256} << 20;
constexpr std::size_t rows_at_a_time = 64;

// The examples of a part, so that all of them end at multiples of it.
template <class T>
std::size_t part_of(std::size_t examples, const FeatureBasis<T>& basis, const FeatureOptions& options) {
  const std::size_t each = std::max<std::size_t>(1, basis.rows_each * basis.columns() * sizeof(T));
  const std::size_t wanted = options.part > 0 ? options.part : std::max<std::size_t>(16, usual_part_bytes / each);
  return std::min(wanted, std::max<std::size_t>(1, examples));
}

// Bytes of the features of so many examples, and of the anchors with all that the basis has of them.
template <class T>
double held_bytes(std::size_t examples, const FeatureBasis<T>& basis) {
  return static_cast<double>(examples * basis.rows_each * basis.columns() * sizeof(T) + basis.anchors.bytes() +
                             basis.whitening.bytes() + basis.explained.bytes());
}

// Bytes beside these while the anchors are put before the features of a part: C, and some rows as they are and in
// double.
template <class T>
double anchor_bytes(std::size_t examples, const FeatureBasis<T>& basis) {
  const std::size_t rows = examples * basis.rows_each, m = basis.columns() - basis.options.k;
  if (m == 0) return 0;
  return static_cast<double>(rows * m * sizeof(double) +
                             std::min(rows, rows_at_a_time) * basis.columns() * (sizeof(double) + sizeof(T)));
}

// Rows x (n, k), which are `stride` apart, in double.
template <class T>
Array<double> widened(std::size_t n, std::size_t k, const T* x, std::size_t stride) {
  Array<T> out({n, k});
  kernels::copy_runs(n, k, x, stride, out.mutable_data(), k);
  return converted<double>(out);
}

// phi (n, m + k), whose last k numbers are projections: puts c W^(+/2) before them, and takes off what it explains.
template <class T>
void put_anchors(const Array<double>& c, const FeatureBasis<T>& basis, T* phi) {
  const std::size_t n = c.shape()[0], m = basis.whitening.shape()[1], k = basis.options.k, stride = m + k;
  for (std::size_t begin = 0; begin < n; begin += rows_at_a_time) {
    const std::size_t here = std::min(rows_at_a_time, n - begin);
    T* rows = phi + begin * stride;
    Array<double> first({here, m});
    kernels::gemm(false, false, here, m, m, 1.0, c.data() + begin * m, m, basis.whitening.data(), m, 0.0,
                  first.mutable_data(), m);
    Array<double> rest = widened(here, k, rows + m, stride);
    kernels::gemm(false, false, here, k, m, -1.0, first.data(), m, basis.explained.data(), k, 1.0, rest.mutable_data(),
                  k);
    kernels::copy_runs(here, m, converted<T>(first).data(), m, rows, stride);
    kernels::copy_runs(here, k, converted<T>(rest).data(), k, rows + m, stride);
  }
}

}  // namespace

template <class T>
void check_feature_request(const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout) {
  check_examples("features", x, "x");
  check_parameters("features", params);
  if (!readout.same_sides())
    throw option_error("[features] the readout " + readout.name() +
                       " is of two sides of a kernel. Take the features of each side, with its own readout and the "
                       "same basis.");
  readout.check_examples(x.shape()[0], x.shape()[0], false);
}

template <class T>
FeatureParts<T>::FeatureParts(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                              const Readout& readout, const FeatureBasis<T>& basis, const FeatureOptions& options,
                              bool in_memory)
    : net_(net),
      params_(params),
      x_(x),
      readout_(readout),
      basis_(basis),
      part_(part_of(x.shape()[0], basis, options)),
      held_bytes_(held_bytes(in_memory ? x.shape()[0] : part_, basis)),
      sweep_(net, params, x, readout, options, held_bytes_ + anchor_bytes(part_, basis)) {
  const std::vector<TermPlan>& terms = sweep_.plan().terms;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    const auto found = std::find_if(basis.places.begin(), basis.places.end(), [&](const FeaturePlace& place) {
      return place.parameter == terms[t].parameter && place.elements == sweep_.elements(t);
    });
    if (found == basis.places.end() || basis.rows_each != sweep_.rows_each())
      throw shape_error("[features] the basis is of another network or readout: " + terms[t].parameter + " has " +
                        std::to_string(sweep_.elements(t)) + " elements here. Make it by feature_basis with these.");
    places_.push_back(*found);
  }
}

namespace {

// Whether all examples have the same readout.
bool are_equal(const Readout& a, const Readout& b, std::size_t outputs) {
  if (!a.common() || !b.common() || a.reduction != b.reduction) return false;
  const Array<double> one = a.weights(outputs), other = b.weights(outputs);
  return one.shape() == other.shape() && std::equal(one.data(), one.data() + one.size(), other.data());
}

}  // namespace

template <class T>
void FeatureParts<T>::make(Range examples, Array<T>& out, std::size_t row,
                           const std::function<void(std::size_t)>& done) const {
  const std::size_t stride = basis_.columns(), rows = examples.size() * rows_each(), m = stride - basis_.options.k;
  const Array<T> x = x_.rows(examples.first, examples.last);
  const Cotangents<T> cotangents(readout_, sweep_.plan().outputs, Readout::Of::rows);
  T* to = out.mutable_data() + row * stride;
  std::fill_n(to, rows * stride, T(0));
  sweep_.project({x, cotangents, examples.first}, basis_.options.seed, places_, stride, to + m, done);
  if (!all_finite(out.rows(row, row + rows)))
    throw numerical_error(
        "[features] there is NaN or infinity although inputs and parameters are finite: the network "
        "overflows. Scale its inputs, or use double.");
  if (m == 0) return;
  std::vector<std::size_t> numbers;
  for (std::size_t i = examples.first; i < examples.last; ++i) numbers.push_back(i);
  const Readout both = are_equal(readout_, basis_.anchor_readout, sweep_.plan().outputs)
                           ? readout_
                           : readout::between(of_examples(readout_, std::move(numbers)), basis_.anchor_readout);
  const double left = sweep_.plan().budget_bytes - held_bytes_ - sweep_.profile().metric_bytes;
  const Options options{
      .memory = at_least_a_byte(left), .parameters = basis_.options.parameters, .metric = basis_.options.metric};
  put_anchors(kernel(net_, params_, x, basis_.anchors, both, options), basis_, to);
}

template void check_feature_request(const nn::Parameters<float>&, const Array<float>&, const Readout&);
template void check_feature_request(const nn::Parameters<double>&, const Array<double>&, const Readout&);
template class FeatureParts<float>;
template class FeatureParts<double>;

}  // namespace xtangent::ntk
