#include "ntk/planning/model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/choice.hpp"

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

Array<double> of_parameter(const Metric& metric, const nn::ParameterInfo& info, std::size_t number) {
  if (metric.arrays.defined()) return metric.arrays.reshaped({metric.arrays.size()}).rows(number, number + 1);
  return metric.elements.reshaped({metric.elements.size()}).rows(info.offset, info.offset + info.shape.size());
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
  Array<T> out({model.sizes[i]});
  const Array<double>& metric = model.metric[i];
  for (std::size_t j = 0; j < out.size(); ++j)
    out.mutable_data()[j] = static_cast<T>(std::sqrt(metric[metric.size() == 1 ? 0 : j]));
  return out;
}

template <class T>
Array<T> all_scales(const Model<T>& model) {
  std::size_t size = 0;
  for (const std::size_t elements : model.sizes) size += elements;
  Array<T> out({size});
  T* to = out.mutable_data();
  for (std::size_t i = 0; i < model.sizes.size(); ++i) {
    const Array<T> one = scales_of(model, i);
    to = std::copy_n(one.data(), one.size(), to);
  }
  return out;
}

template <class T>
Var<T> times_metric(const Model<T>& model, std::size_t i, const Var<T>& cotangents) {
  if (!cotangents.defined()) return cotangents;
  const Array<double>& metric = model.metric[i];
  Array<T> out(cotangents.shape());
  for (std::size_t j = 0; j < out.size(); ++j)
    out.mutable_data()[j] = static_cast<T>(metric[j % metric.size()]) * cotangents.value()[j];
  return Var<T>(out);
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
      model.sizes.push_back(params.infos()[i].shape.size());
      if (metric.defined()) model.metric.push_back(of_parameter(metric, params.infos()[i], i));
    }
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
template Array<float> all_scales(const Model<float>&);
template Array<double> all_scales(const Model<double>&);
template Var<float> times_metric(const Model<float>&, std::size_t, const Var<float>&);
template Var<double> times_metric(const Model<double>&, std::size_t, const Var<double>&);

}  // namespace xtangent::ntk
