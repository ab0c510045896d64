#include "nn/training/fit.hpp"

#include <algorithm>
#include <utility>

#include "autodiff/ops/loss.hpp"
#include "nn/part.hpp"
#include "nn/training/trainer.hpp"

namespace xtangent::nn {
namespace {

template <class T>
Inputs<T> inputs_of(const Array<T>& x) {
  return {x.shape().front(), [&x](const auto& examples, std::size_t) { return x.rows_at(examples); }};
}

std::string described(const Augmentation& changes) {
  if (changes.padding == 0) return changes.mirror ? "mirrored" : "none";
  return "windows with a frame of " + std::to_string(changes.padding) + (changes.mirror ? ", mirrored" : "");
}

// The output for one example, from two if there are, which is what normalization over the batch needs.
template <class T>
Array<T> first_output(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x) {
  const Array<T> y = net(params, x);
  return y.rank() > 0 && y.shape().front() == x.shape().front() ? y.rows(0, 1) : y;
}

// Checks all that `fit` can refuse before it starts. Returns the output for one example.
template <class T>
Array<T> check_inputs(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t answers) {
  if (!x.defined() || x.rank() == 0) throw shape_error("[fit] the inputs have no axis that runs over examples.");
  const std::size_t n = x.shape().front();
  if (n == 0) throw data_error("[fit] no examples.");
  if (answers != n)
    throw shape_error("[fit] " + std::to_string(n) + " examples, " + std::to_string(answers) + " labels or targets.");
  const Array<T> one =
      on_part_of(x.shape(), [&] { return first_output(net, params, x.rows(0, std::min<std::size_t>(n, 2))); });
  if (all_finite(x)) return one;
  for (std::size_t i = 0; i < n; ++i)
    if (!all_finite(x.rows(i, i + 1)))
      throw numerical_error("[fit] example " + std::to_string(i) + " of the inputs has an entry that is not finite.");
  return one;
}

void check_labels(const char* what, const std::vector<std::size_t>& labels, std::size_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      throw data_error(std::string("[fit] ") + what + " label " + std::to_string(labels[i]) + " of example " +
                       std::to_string(i) + ", the network has " + std::to_string(classes) + " outputs.");
}

// Cross-entropy with the given labels, which must outlive the task.
template <class T>
Task<T> labeled_task(const std::vector<std::size_t>& labels) {
  const auto of = [&labels](const std::vector<std::size_t>& examples) {
    std::vector<std::size_t> out;
    out.reserve(examples.size());
    for (std::size_t i : examples) out.push_back(labels[i]);
    return out;
  };
  Task<T> task;
  task.loss = [of](const Var<T>& output, const auto& examples) { return cross_entropy(output, of(examples)); };
  task.correct = [of](const Array<T>& output, const auto& examples) { return count_correct(output, of(examples)); };
  return task;
}

// Checks labels against the output of the network for one example. Labels of test data go to test_labels.
template <class T>
void check_labeled(const Array<T>& one, const std::vector<std::size_t>& labels, FitOptions<T>& options) {
  if (one.rank() != 2)
    throw shape_error("[fit] the network gives " + to_string(one.shape()) +
                      " for one example. Labels need (1, classes).");
  check_labels("training", labels, one.shape()[1]);
  if (!options.test_x.defined() && !options.test_data) return;
  if (options.test_x.defined() && options.test_data)
    throw option_error("[fit] test data are given in two forms. Give only one.");
  if (options.test_data) options.test_labels = options.test_data->labels();
  const std::size_t tests = options.test_data           ? options.test_data->count()
                            : options.test_x.rank() > 0 ? options.test_x.shape().front()
                                                        : 0;
  if (tests == 0 || tests != options.test_labels.size())
    throw shape_error("[fit] " + std::to_string(tests) + " test examples, " +
                      std::to_string(options.test_labels.size()) + " test labels.");
  check_labels("test", options.test_labels, one.shape()[1]);
}

}  // namespace

template <class T>
std::size_t automatic_shard(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x) {
  return shard_for(net, params, x.rows(0, std::min<std::size_t>(2, x.shape().front())), x.shape().front());
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const std::type_identity_t<Array<T>>& x,
           const std::vector<std::size_t>& labels, FitOptions<T> options) {
  const Array<T> one = check_inputs(net, params, x, labels.size());
  check_labeled(one, labels, options);
  return Trainer<T>(net, std::move(params), inputs_of(x), labeled_task<T>(labels), std::move(options)).run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Dataset& data, FitOptions<T> options) {
  if (data.count() == 0) throw data_error("[fit] no examples.");
  const std::vector<std::size_t> labels = data.labels();
  const std::vector<std::size_t> first =
      data.count() > 1 ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{0};
  check_labeled(first_output(net, params, data.batch<T>(first)), labels, options);
  const auto rows = [&data, seed = options.seed](const auto& examples, std::size_t epoch) {
    return epoch ? data.augmented_batch<T>(examples, {seed, stream_of("augmentation") + epoch})
                 : data.batch<T>(examples);
  };
  return Trainer<T>(net, std::move(params), {data.count(), rows, described(data.options().augmentation)},
                    labeled_task<T>(labels), std::move(options))
      .run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const Array<T>& x,
           const std::type_identity_t<BatchLoss<T>>& loss, FitOptions<T> options) {
  check_inputs(net, params, x, x.defined() && x.rank() ? x.shape().front() : 0);
  if (options.test_x.defined() || options.test_data)
    throw option_error("[fit] test data need labels. Evaluate them in on_epoch.");
  return Trainer<T>(net, std::move(params), inputs_of(x), Task<T>{loss}, std::move(options)).run();
}

template <class T>
Fit<T> fit(const ModuleBase& net, Parameters<T> params, const std::type_identity_t<Array<T>>& x,
           const std::type_identity_t<Array<T>>& targets, FitOptions<T> options) {
  const Array<T> one = check_inputs(net, params, x, targets.rank() ? targets.shape().front() : 0);
  if (!(one.shape().slice(1, one.rank()) == targets.shape().slice(1, targets.rank())))
    throw shape_error("[fit] targets " + to_string(targets.shape()) + ", the network gives " + to_string(one.shape()) +
                      " for one example.");
  return fit<T>(
      net, std::move(params), x,
      [&targets](const Var<T>& output, const std::vector<std::size_t>& examples) {
        return mean_squared_error(output, Var<T>(targets.rows_at(examples)));
      },
      std::move(options));
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template std::size_t automatic_shard(const ModuleBase&, const Parameters<T>&, const Array<T>&);                   \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const std::vector<std::size_t>&,           \
                      FitOptions<T>);                                                                               \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Dataset&, FitOptions<T>);                             \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const Array<T>&, FitOptions<T>);           \
  template Fit<T> fit(const ModuleBase&, Parameters<T>, const Array<T>&, const std::type_identity_t<BatchLoss<T>>&, \
                      FitOptions<T>);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
