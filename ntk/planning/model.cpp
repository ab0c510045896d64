#include "ntk/planning/model.hpp"

#include "autodiff/ops/indexing.hpp"

namespace xtangent::ntk {

template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params) {
  Model<T> model;
  model.record = [&net, &params](Tape<T>& tape, const Array<T>& x) {
    Recording<T> out = net.record(tape, params, x);
    // One number for each example counts as one output.
    if (out.output.rank() == 1) out.output = reshape(out.output, {out.output.size(), 1});
    return out;
  };
  for (const nn::ParameterInfo& info : params.infos()) model.names.push_back(info.name);
  return model;
}

template Model<float> model_of(const nn::ModuleBase&, const nn::Parameters<float>&);
template Model<double> model_of(const nn::ModuleBase&, const nn::Parameters<double>&);

}  // namespace xtangent::ntk
