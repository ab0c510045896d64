#include "ntk/kernel.hpp"

#include <cmath>

#include "ntk/strategies/strategies.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
void check_inputs(const Array<T>& x, const char* which) {
  if (!x.defined() || x.rank() == 0 || x.shape()[0] == 0)
    throw shape_error(std::string("[ntk] no examples in ") + which + ": shape " + to_string(x.shape()) +
                      ". Axis 0 runs over examples; give at least one.");
  if (all_finite(x)) return;
  const std::size_t each = x.size() / x.shape()[0];
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!std::isfinite(x[i]))
      throw numerical_error(std::string("[ntk] ") + which + " holds NaN or infinity at example " +
                            std::to_string(i / each) + ", element " + std::to_string(i % each) + ".");
}

template <class T>
void check_parameters(const nn::Parameters<T>& params) {
  for (std::size_t i = 0; i < params.count(); ++i)
    if (!all_finite(params.slice(i)))
      throw numerical_error("[ntk] parameter " + params.infos()[i].name +
                            " holds NaN or infinity. Check the training that made it.");
}

void check_result(const Array<double>& kernel) {
  if (!all_finite(kernel))
    throw numerical_error("[ntk] the kernel holds NaN or infinity although inputs and parameters are finite: the network "
                          "overflows. Scale its inputs, or use double.");
}

template <class T>
Array<double> compute(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                      const Array<T>& x2, bool symmetric, const Readout& readout, const Options& options) {
  check_inputs(x1, "x1");
  if (!symmetric) {
    check_inputs(x2, "x2");
    if (!(x1.shape().slice(1, x1.rank()) == x2.shape().slice(1, x2.rank())))
      throw shape_error("[ntk] examples of x1 " + to_string(x1.shape()) + " and x2 " + to_string(x2.shape()) +
                        " have different shapes.");
  }
  check_parameters(params);
  const Model<T> model = model_of(net, params);
  const Plan plan = make_plan(model, x1, x1.shape()[0], x2.shape()[0], symmetric, readout, options);
  Array<double> kernel;
  switch (plan.strategy) {
    case Strategy::jacobian: kernel = jacobian_kernel(model, plan, x1, x2, readout, options); break;
    case Strategy::vector_products: kernel = vector_product_kernel(model, plan, x1, x2, readout, options); break;
    case Strategy::automatic:
    case Strategy::structured: kernel = structured_kernel(model, plan, x1, x2, readout, options); break;
  }
  check_result(kernel);
  return kernel;
}

}  // namespace

template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params) {
  Model<T> model;
  model.record = [&net, &params](Tape<T>& tape, const Array<T>& x) { return net.record(tape, params, x); };
  for (const nn::ParameterInfo& info : params.infos()) model.names.push_back(info.name);
  return model;
}

template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                     const Readout& readout, const Options& options) {
  return compute(net, params, x, x, true, readout, options);
}

template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                     const Array<T>& x2, const Readout& readout, const Options& options) {
  return compute(net, params, x1, x2, false, readout, options);
}

template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, std::size_t rows,
          std::size_t columns, const Readout& readout, const Options& options) {
  return make_plan(model_of(net, params), x, rows, columns, false, readout, options);
}

template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
          const Options& options) {
  const std::size_t n = x.rank() ? x.shape()[0] : 0;
  return make_plan(model_of(net, params), x, n, n, true, readout, options);
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template Model<T> model_of(const nn::ModuleBase&, const nn::Parameters<T>&);                                      \
  template Array<double> kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&,   \
                                const Options&);                                                                    \
  template Array<double> kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Array<T>&,  \
                                const Readout&, const Options&);                                                    \
  template Plan plan(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, std::size_t, std::size_t,    \
                     const Readout&, const Options&);                                                               \
  template Plan plan(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&, const Options&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
