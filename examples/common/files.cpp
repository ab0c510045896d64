#include "examples/common/files.hpp"

#include <algorithm>
#include <charconv>

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/common/inputs.hpp"
#include "examples/common/options.hpp"
#include "nn/exported/exported.hpp"
#include "nn/inputs.hpp"
#include "nn/positions.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;
using Labels = std::vector<std::size_t>;

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

// The number of the first examples to take. `all` stands for 0 and for what was not asked for.
std::size_t count_of(const std::string& program, std::optional<std::size_t> asked, std::size_t all, const char* option,
                     const char* which) {
  if (asked.value_or(0) > all)
    throw option_error("[" + program + "] " + option + " " + std::to_string(*asked) + ": there are " +
                       grouped(static_cast<double>(all)) + " " + which + " examples.");
  return asked && *asked > 0 ? *asked : all;
}

template <class T>
Array<T> joined(const std::vector<Array<T>>& inputs, bool flat, std::size_t n) {
  const Array<T> all = inputs.size() == 1 ? inputs[0] : nn::join_inputs(inputs);
  const Array<T> first = all.rows(0, n);
  return flat ? first.reshaped({n, n ? first.size() / n : 0}) : first;
}

std::size_t above(const Labels& labels) {
  return labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1;
}

// One more than the largest token.
template <class T>
std::size_t above(const Array<T>& tokens) {
  const T most = tokens.size() ? *std::max_element(tokens.data(), tokens.data() + tokens.size()) : T(0);
  return most >= 0 && most < T(1e9) ? static_cast<std::size_t>(most) + 1 : 1;
}

// The network whose outputs are taken at the positions that --positions names.
nn::AnyModule at_positions(const std::string& program, const nn::AnyModule& net, const std::string& where) {
  if (where.empty()) return net;
  if (where == "last") return nn::at_last_position(net);
  if (where == "mean") return nn::mean_over_positions(net);
  std::size_t position = 0;
  const auto [end, code] = std::from_chars(where.data(), where.data() + where.size(), position);
  if (code != std::errc() || end != where.data() + where.size())
    throw option_error("[" + program + "] --positions " + where + ": give last, mean, or a number from 0 on.");
  return nn::at_position(net, position);
}

}  // namespace

void input_options(CLI::App& app, InputFiles& files, const std::string& images, const std::string& tests) {
  option(app, "--inputs", files.inputs, "FILE", "NumPy file (N, ...) instead of images; again for each further input")
      ->check(named())
      ->allow_extra_args(false)
      ->excludes(app.get_option(images))
      ->default_str("none");
  option(app, "--model", files.model, "FILE", "A network for inputs from torch.export.save, instead of --network")
      ->check(named())
      ->needs(app.get_option("--inputs"))
      ->excludes(app.get_option("--network"))
      ->excludes(app.get_option("--width"))
      ->default_str("none");
  option(app, "--output", files.output, "NAME", "Which of several outputs of the model")
      ->needs(app.get_option("--model"))
      ->default_str("the only one");
  option(app, "--positions", files.positions, "WHERE",
         "Outputs (N, T, ...) at a position, the last one, or their mean: 0, last, mean")
      ->needs(app.get_option("--model"))
      ->default_str("all");
  option(app, "--test-inputs", files.test_inputs, "FILE", tests)
      ->check(named())
      ->allow_extra_args(false)
      ->needs(app.get_option("--inputs"))
      ->default_str("none");
  option(app, "--labels", files.labels, "FILE", "NumPy file (N,) with the labels of the inputs")
      ->check(named())
      ->needs(app.get_option("--inputs"))
      ->default_str("none");
  option(app, "--test-labels", files.test_labels, "FILE", "The same for the test inputs")
      ->check(named())
      ->needs(app.get_option("--test-inputs"))
      ->default_str("none");
  option(app, "--classes", files.classes, "N", "Outputs of a network for inputs")
      ->check(whole(1))
      ->needs(app.get_option("--inputs"))
      ->default_str("the largest label + 1");
  option(app, "--vocabulary", files.vocabulary, "N", "Tokens of text and gpt2 are below it")
      ->check(whole(1))
      ->needs(app.get_option("--inputs"))
      ->default_str("the largest + 1, or 50257 of gpt2");
}

template <class T>
FileExamples<T> read_examples(const std::string& program, const InputFiles& files, const std::string& name,
                              std::optional<double> width, const TakenExamples& taken, std::uint64_t seed) {
  const std::vector<Array<T>> train = read_inputs<T>(program, "--inputs", files.inputs),
                              test = read_inputs<T>(program, "--test-inputs", files.test_inputs);
  if (!test.empty() && shapes_of(train) != shapes_of(test))
    throw shape_error("[" + program + "] --test-inputs " + described(files.test_inputs, test) + " for --inputs " +
                      described(files.inputs, train) + ": there must be as many, with examples of the same shapes.");
  if (test.empty() && taken.test.value_or(0) > 0)
    throw option_error("[" + program + "] --test " + std::to_string(*taken.test) +
                       ": there are no test examples. Name their files with --test-inputs.");
  const std::size_t all = train[0].shape()[0], tests = test.empty() ? 0 : test[0].shape()[0];
  const std::size_t n = count_of(program, taken.train, all, "--n", "training");
  const std::size_t m = taken.test == std::size_t{0} ? 0 : count_of(program, taken.test, tests, "--test", "test");

  Labels labels, test_labels;
  if (!files.labels.empty()) labels = read_labels(program, "--labels", files.labels, all);
  if (!files.test_labels.empty()) test_labels = read_labels(program, "--test-labels", files.test_labels, tests);
  const auto finished = [&](const nn::AnyModule& net, nn::Parameters<T> params, double used, bool flat) {
    if (!labels.empty()) labels.resize(n);
    if (!test_labels.empty()) test_labels.resize(m);
    return FileExamples<T>{net,
                           std::move(params),
                           used,
                           joined(train, flat, n),
                           m ? joined(test, flat, m) : Array<T>(),
                           labels,
                           test_labels,
                           described(files.inputs, train)};
  };
  if (!files.model.empty()) {
    const nn::Exported net = nn::load_exported(files.model, {.output = files.output});
    if (net.input_types().size() != train.size())
      throw shape_error("[" + program + "] --inputs " + described(files.inputs, train) + " for a model of " +
                        std::to_string(net.input_types().size()) + " inputs. Name a file for each, in order.");
    return finished(at_positions(program, net, files.positions), net.parameters<T>(), 1, false);
  }
  InputSizes sizes{shapes_of(train), files.classes, files.vocabulary, width};
  if (sizes.classes == 0) sizes.classes = std::max(above(labels), above(test_labels));
  if (sizes.vocabulary == 0 && name == "text")
    sizes.vocabulary = std::max(above(train[0]), test.empty() ? 1 : above(test[0]));
  const NetworkForInputs made = network_for(name, sizes);
  return finished(made.net, made.net->template init<T>(seed), made.width, made.flat);
}

template FileExamples<float> read_examples(const std::string&, const InputFiles&, const std::string&,
                                           std::optional<double>, const TakenExamples&, std::uint64_t);
template FileExamples<double> read_examples(const std::string&, const InputFiles&, const std::string&,
                                            std::optional<double>, const TakenExamples&, std::uint64_t);

}  // namespace xtangent::examples
