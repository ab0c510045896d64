#include "ntk/planning/model.hpp"

#include <utility>

#include "autodiff/ops/indexing.hpp"
#include "nn/choice.hpp"

namespace xtangent::ntk {

namespace {

// One number for each example counts as one output.
template <class T>
Recording<T> with_outputs(Recording<T> out) {
  if (out.output.rank() == 1) out.output = reshape(out.output, {out.output.size(), 1});
  return out;
}

}  // namespace

template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                  const std::vector<std::string>& patterns) {
  const std::vector<bool> chosen = nn::chosen_parameters(params.layout(), patterns);
  const auto all = [&net, &params](Tape<T>& tape, const Array<T>& x) {
    return with_outputs(net.record(tape, params, x));
  };
  Model<T> model;
  for (std::size_t i = 0; i < params.count(); ++i)
    if (chosen[i]) model.names.push_back(params.infos()[i].name);
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

template Model<float> model_of(const nn::ModuleBase&, const nn::Parameters<float>&, const std::vector<std::string>&);
template Model<double> model_of(const nn::ModuleBase&, const nn::Parameters<double>&, const std::vector<std::string>&);

}  // namespace xtangent::ntk
