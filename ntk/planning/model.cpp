#include "ntk/planning/model.hpp"

#include <cmath>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/choice.hpp"
#include "ntk/algebra/converted.hpp"

namespace xtangent::ntk {

namespace {

template <class T>
Recording<T> with_outputs(Recording<T> out) {
  out.output = as_outputs(out.output);
  return out;
}

void check(const Metric& metric, const nn::Layout& layout) {
  if (metric.elements.defined() && metric.arrays.defined())
    throw option_error("[metric] it has numbers for elements and for arrays. Give one of them.");
  const auto one = [](const Array<double>& numbers, std::size_t count, const char* what) {
    if (!numbers.defined()) return;
    if (numbers.size() != count)
      throw shape_error(std::string("[metric] ") + std::to_string(numbers.size()) + " numbers for a network of " +
                        std::to_string(count) + " trainable " + what + ".");
    for (std::size_t i = 0; i < count; ++i)
      if (!(numbers[i] > 0) || !std::isfinite(numbers[i]))
        throw numerical_error("[metric] number " + std::to_string(i) + " is " + std::to_string(numbers[i]) +
                              ": all must be positive and finite.");
  };
  one(metric.elements, layout.parameter_size, "elements");
  one(metric.arrays, layout.parameters.size(), "arrays");
}

template <class T>
void add_metric(Model<T>& model, const Metric& metric, const nn::ParameterInfo& info, std::size_t number) {
  const std::size_t begin = model.offsets.empty() ? 0 : model.offsets.back();
  if (model.offsets.empty()) model.offsets.push_back(0);
  model.offsets.push_back(begin + info.shape.size());
  const Array<double>& numbers = metric.arrays.defined() ? metric.arrays : metric.elements;
  const std::size_t first = metric.arrays.defined() ? number : info.offset;
  const std::size_t count = metric.arrays.defined() ? 1 : info.shape.size();
  model.metric.push_back(numbers.reshaped({numbers.size()}).rows(first, first + count));
}

template <class T>
void join_scales(Model<T>& model) {
  model.scales = Array<T>({model.offsets.back()});
  T* to = model.scales.mutable_data();
  for (std::size_t i = 0; i < model.metric.size(); ++i) {
    const Array<double>& numbers = model.metric[i];
    for (std::size_t j = model.offsets[i]; j < model.offsets[i + 1]; ++j)
      *to++ = static_cast<T>(std::sqrt(numbers[numbers.size() == 1 ? 0 : j - model.offsets[i]]));
  }
}

}  // namespace

template <class T>
Var<T> as_outputs(const Var<T>& y) {
  const std::size_t rank = y.rank();
  if (rank == 0 || rank == 2 || y.size() == 0) return y;
  return reshape(y, {y.shape()[0], y.size() / y.shape()[0]});
}

template <class T>
Array<T> scales_of(const Model<T>& model, std::size_t i) {
  return model.scales.rows(model.offsets[i], model.offsets[i + 1]);
}

template <class T>
Array<T> times_metric(const Array<T>& cotangents, const Array<double>& metric) {
  Array<T> out(cotangents.shape());
  const Array<T> numbers = converted<T>(metric);
  const Shape flat{cotangents.size() / metric.size(), metric.size()};
  kernels::binary(kernels::Binary::multiply, flat, cotangents.data(), flat, numbers.data(), Shape{metric.size()},
                  out.mutable_data());
  return out;
}

template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params, const std::vector<std::string>& patterns,
                  const Metric& metric) {
  check(metric, params.layout());
  const std::vector<bool> chosen = nn::chosen_parameters(params.layout(), patterns);
  const auto all = [&net, &params](Tape<T>& tape, const Array<T>& x) {
    return with_outputs(net.record(tape, params, x));
  };
  Model<T> model;
  for (std::size_t i = 0; i < params.count(); ++i)
    if (chosen[i]) {
      model.names.push_back(params.infos()[i].name);
      if (metric.defined()) add_metric(model, metric, params.infos()[i], i);
    }
  if (metric.defined()) join_scales(model);
  if (model.names.size() == params.count()) {
    model.record = all;
    return model;
  }
  model.record_all = all;
  model.record = [&net, &params, chosen](Tape<T>& tape, const Array<T>& x) {
    Recording<T> out;
    std::vector<Var<T>> values;
    for (std::size_t i = 0; i < params.count(); ++i) {
      values.push_back(chosen[i] ? tape.variable(params.slice(i)) : Var<T>(params.slice(i)));
      if (chosen[i]) out.parameters.push_back(values.back());
    }
    out.output = net.apply(params, Vars<T>(values), batched(x));
    return with_outputs(std::move(out));
  };
  return model;
}

template Model<float> model_of(const nn::ModuleBase&, const nn::Parameters<float>&, const std::vector<std::string>&,
                               const Metric&);
template Model<double> model_of(const nn::ModuleBase&, const nn::Parameters<double>&, const std::vector<std::string>&,
                                const Metric&);
template Var<float> as_outputs(const Var<float>&);
template Var<double> as_outputs(const Var<double>&);
template Array<float> scales_of(const Model<float>&, std::size_t);
template Array<double> scales_of(const Model<double>&, std::size_t);
template Array<float> times_metric(const Array<float>&, const Array<double>&);
template Array<double> times_metric(const Array<double>&, const Array<double>&);

}  // namespace xtangent::ntk
