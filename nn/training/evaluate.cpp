#include "nn/training/evaluate.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/reduce.hpp"
#include "nn/part.hpp"

namespace xtangent::nn {

namespace {

std::vector<std::size_t> examples_between(std::size_t first, std::size_t last) {
  std::vector<std::size_t> out(last - first);
  std::iota(out.begin(), out.end(), first);
  return out;
}

}  // namespace

template <class T>
Array<T> predict_rows(const ModuleBase& net, const Parameters<T>& params, std::size_t n,
                      const std::function<Array<T>(std::size_t first, std::size_t last)>& rows, std::size_t batch) {
  if (batch == 0) throw option_error("[predict] a batch of 0 examples. It must be at least 1.");
  if (n <= batch) return net(params, rows(0, n));
  const Array<T> first = net(params, rows(0, batch));
  Shape shape = first.shape();
  if (shape.rank() == 0 || shape.front() != batch)
    throw shape_error("[predict] the network gives " + to_string(shape) + " for " + std::to_string(batch) +
                      " examples. Axis 0 of its output must run over examples.");
  const std::size_t each = first.size() / batch;
  shape[0] = n;
  Array<T> out(shape);
  T* to = out.mutable_data();
  std::copy_n(first.data(), first.size(), to);
  kernels::parallel_for((n - 1) / batch, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t part = begin + 1; part <= end; ++part) {
      const std::size_t examples = std::min(n, (part + 1) * batch) - part * batch;
      const Array<T> y = net(params, rows(part * batch, part * batch + examples));
      Shape expected = shape;
      expected[0] = examples;
      if (!(y.shape() == expected))
        throw shape_error("[predict] the network gives " + to_string(y.shape()) + " for " + std::to_string(examples) +
                          " examples, expected " + to_string(expected) +
                          ". Axis 0 of its output must run over examples.");
      std::copy_n(y.data(), y.size(), to + part * batch * each);
    }
  });
  return out;
}

template <class T>
Array<T> predict(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t batch) {
  if (!x.defined() || x.rank() == 0) throw shape_error("[predict] the input has no axis that runs over examples.");
  return on_part_of(x.shape(), [&] {
    return predict_rows<T>(
        net, params, x.shape().front(), [&](std::size_t first, std::size_t last) { return x.rows(first, last); },
        batch);
  });
}

template <class T>
Array<T> predict(const ModuleBase& net, const Parameters<T>& params, const Dataset& data, std::size_t batch) {
  return predict_rows<T>(
      net, params, data.count(),
      [&](std::size_t first, std::size_t last) { return data.batch<T>(examples_between(first, last)); }, batch);
}

template <class T>
std::vector<std::size_t> argmax(const Array<T>& logits) {
  if (logits.rank() != 2 || (logits.shape()[1] == 0 && logits.shape()[0] > 0))
    throw shape_error("[argmax] needs (examples, classes), got " + to_string(logits.shape()) + ".");
  std::vector<std::uint32_t> index(logits.shape()[0]);
  if (!index.empty()) kernels::argmax_axis(index.size(), logits.shape()[1], 1, logits.data(), index.data());
  return {index.begin(), index.end()};
}

template <class T>
std::size_t count_correct(const Array<T>& logits, const std::vector<std::size_t>& labels) {
  const std::vector<std::size_t> chosen = argmax(logits);
  if (chosen.size() != labels.size())
    throw shape_error("[accuracy] " + std::to_string(chosen.size()) + " rows, " + std::to_string(labels.size()) +
                      " labels.");
  const std::size_t classes = logits.shape()[1];
  std::size_t correct = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const T largest = logits[n * classes + chosen[n]];  // a NaN if the row has one
    if (chosen[n] == labels[n] && largest == largest) ++correct;
  }
  return correct;
}

template <class T>
double accuracy(const Array<T>& logits, const std::vector<std::size_t>& labels) {
  const std::size_t correct = count_correct(logits, labels);
  if (labels.empty()) throw data_error("[accuracy] no examples.");
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

template <class T>
std::string first_not_finite(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, Context context) {
  for (const auto& [info, value] : params)
    if (!all_finite(value)) return "parameter '" + info.name + "'";
  for (std::size_t n = 0; n < x.shape().front(); ++n)
    if (!all_finite(x.rows(n, n + 1))) return "example " + std::to_string(n) + " of the input";
  std::string found;
  net.observe<T>(
      params, x,
      [&found](const std::string& path, const std::string& type, const Array<T>& output) {
        if (!found.empty() || all_finite(output)) return;
        found = path.empty() ? "the network's output" : "the output of layer '" + path + "' (" + type + ")";
      },
      context);
  return found;
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template Array<T> predict_rows(const ModuleBase&, const Parameters<T>&, std::size_t,                   \
                                 const std::function<Array<T>(std::size_t, std::size_t)>&, std::size_t); \
  template Array<T> predict(const ModuleBase&, const Parameters<T>&, const Array<T>&, std::size_t);      \
  template Array<T> predict(const ModuleBase&, const Parameters<T>&, const Dataset&, std::size_t);       \
  template std::vector<std::size_t> argmax(const Array<T>&);                                             \
  template std::size_t count_correct(const Array<T>&, const std::vector<std::size_t>&);                  \
  template double accuracy(const Array<T>&, const std::vector<std::size_t>&);                            \
  template std::string first_not_finite(const ModuleBase&, const Parameters<T>&, const Array<T>&, Context);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
