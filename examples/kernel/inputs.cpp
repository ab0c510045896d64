#include "examples/common/inputs.hpp"

#include <algorithm>

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/kernel/work.hpp"
#include "nn/exported/exported.hpp"
#include "nn/inputs.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

// The shape of one example of each input.
template <class T>
std::vector<Shape> shapes_of(const std::vector<Array<T>>& inputs) {
  std::vector<Shape> out;
  for (const Array<T>& x : inputs) out.push_back(x.shape().slice(1, x.rank()));
  return out;
}

template <class T>
std::string described(const std::vector<fs::path>& files, const std::vector<Array<T>>& inputs) {
  std::string out;
  for (std::size_t i = 0; i < files.size(); ++i)
    out.append(i ? ", " : "").append(files[i].string()).append(" ").append(to_string(inputs[i].shape()));
  return out;
}

// Training and test examples must be alike.
template <class T>
void check_alike(const Settings& s, const std::vector<Array<T>>& train, const std::vector<Array<T>>& test) {
  if (shapes_of(train) == shapes_of(test)) return;
  throw shape_error("[kernel] --test-inputs " + described(s.test_inputs, test) + " for --inputs " +
                    described(s.inputs, train) + ": there must be as many, with examples of the same shapes.");
}

// The number of the first examples to take. `all` stands for 0 and for what was not asked for.
std::size_t count_of(std::optional<std::size_t> asked, std::size_t all, const char* option, const char* which) {
  if (asked.value_or(0) > all)
    throw option_error(std::string("[kernel] ") + option + " " + std::to_string(*asked) + ": there are " +
                       grouped(static_cast<double>(all)) + " " + which + " examples.");
  return asked && *asked > 0 ? *asked : all;
}

template <class T>
Array<T> joined(const std::vector<Array<T>>& inputs, bool flat, std::size_t n) {
  const Array<T> all = inputs.size() == 1 ? inputs[0] : nn::join_inputs(inputs);
  const Array<T> first = all.rows(0, n);
  return flat ? first.reshaped({n, n ? first.size() / n : 0}) : first;
}

std::size_t above(const ntk::Labels& labels) {
  return labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1;
}

// One more than the largest token.
template <class T>
std::size_t above(const Array<T>& tokens) {
  const T most = tokens.size() ? *std::max_element(tokens.data(), tokens.data() + tokens.size()) : T(0);
  return most >= 0 && most < T(1e9) ? static_cast<std::size_t>(most) + 1 : 1;
}

// The labels of the chosen examples alone, and the weights that were asked for.
template <class T>
Work<T> finished(const Settings& s, Work<T> work, double width, const std::string& examples) {
  if (!work.train_labels.empty()) work.train_labels.resize(work.train.shape()[0]);
  if (!work.test_labels.empty()) work.test_labels.resize(work.tests());
  load_and_show(work, s, width, examples);
  return work;
}

}  // namespace

template <class T>
Work<T> prepare_inputs(const Settings& s) {
  const std::vector<Array<T>> train = read_inputs<T>("--inputs", s.inputs),
                              test = read_inputs<T>("--test-inputs", s.test_inputs);
  if (!test.empty()) check_alike(s, train, test);
  if (test.empty() && s.test.value_or(0) > 0)
    throw option_error("[kernel] --test " + std::to_string(*s.test) +
                       ": there are no test examples. Name their files with --test-inputs.");
  const std::size_t all = train[0].shape()[0], tests = test.empty() ? 0 : test[0].shape()[0];
  const std::size_t n = count_of(s.n, all, "--n", "training"),
                    m = s.test == std::size_t{0} ? 0 : count_of(s.test, tests, "--test", "test");
  ntk::Labels labels, test_labels;
  if (!s.labels.empty()) labels = read_labels("--labels", s.labels, all);
  if (!s.test_labels.empty()) test_labels = read_labels("--test-labels", s.test_labels, tests);
  if (!s.model.empty()) {
    const nn::Exported net = nn::load_exported(s.model, {.output = s.output});
    if (net.input_types().size() != train.size())
      throw shape_error("[kernel] --inputs " + described(s.inputs, train) + " for a model of " +
                        std::to_string(net.input_types().size()) + " inputs. Name a file for each, in order.");
    return finished<T>(s,
                       {net, net.parameters<T>(), joined(train, false, n), m ? joined(test, false, m) : Array<T>(),
                        std::move(labels), std::move(test_labels), "examples"},
                       1.0, described(s.inputs, train));
  }
  InputSizes sizes{shapes_of(train), s.classes, s.vocabulary, s.width};
  if (sizes.classes == 0) sizes.classes = std::max(above(labels), above(test_labels));
  if (sizes.vocabulary == 0 && s.network == "text")
    sizes.vocabulary = std::max(above(train[0]), test.empty() ? 1 : above(test[0]));
  const NetworkForInputs made = network_for(s.network, sizes);
  return finished<T>(
      s,
      {made.net, made.net->template init<T>(s.seed), joined(train, made.flat, n),
       m ? joined(test, made.flat, m) : Array<T>(), std::move(labels), std::move(test_labels), "examples"},
      made.width, described(s.inputs, train));
}

template Work<float> prepare_inputs(const Settings&);
template Work<double> prepare_inputs(const Settings&);

}  // namespace xtangent::examples
