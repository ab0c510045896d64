#include "python/bindings/models.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "autodiff/listed.hpp"
#include "nn/nn.hpp"

namespace xtangent::python {
namespace {

namespace py = pybind11;

// The options of a network by their names in C++. Each one that is asked for is known, and all others are refused.
class Given {
 public:
  Given(std::string network, const py::dict& options) : network_(std::move(network)), options_(options) {}

  template <class V>
  void operator()(const char* name, V& value) {
    known_.emplace_back(name);
    if (!options_.contains(name)) return;
    try {
      value = options_[name].cast<V>();
    } catch (const py::cast_error&) {
      throw option_error("[network] " + network_ + " cannot take " + name + " = " +
                         py::repr(options_[name]).cast<std::string>() + ".");
    }
  }
  template <class V>
  void required(const char* name, V& value) {
    (*this)(name, value);
    if (!options_.contains(name)) throw option_error("[network] " + network_ + " needs " + name + ".");
  }
  /// One of several names.
  template <class V>
  void choice(const char* name, V& value, const std::vector<std::pair<std::string, V>>& choices) {
    std::string text;
    (*this)(name, text);
    if (text.empty()) return;
    std::vector<std::string> names;
    for (const auto& [key, meaning] : choices) {
      if (key == text) value = meaning;
      if (key == text) return;
      names.push_back(key);
    }
    throw option_error("[network] " + network_ + " has no " + name + " '" + text + "'. There are " + listed(names) +
                       ".");
  }
  void weights(nn::WeightOptions& w) {
    (*this)("bias", w.bias);
    choice<nn::Parameterization>("parameterization", w.parameterization,
                                 {{"standard", nn::Parameterization::standard}, {"ntk", nn::Parameterization::ntk}});
    (*this)("sigma_w", w.sigma_w);
    (*this)("sigma_b", w.sigma_b);
  }
  /// Refuses what no option was asked for.
  void finish() const {
    for (const auto& item : options_) {
      const auto name = item.first.cast<std::string>();
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      throw option_error("[network] " + network_ + " has no option '" + name + "'. It has " + listed(known_) + ".");
    }
  }

 private:
  std::string network_;
  const py::dict& options_;
  std::vector<std::string> known_;
};

nn::AnyModule mlp(Given& given) {
  std::vector<std::size_t> sizes;
  std::string activation = "relu";
  nn::WeightOptions weights;
  given.required("sizes", sizes);
  nn::AnyModule function = nn::Relu{};
  given.choice<nn::AnyModule>("activation", function,
                              {{"relu", nn::Relu{}},
                               {"tanh", nn::Tanh{}},
                               {"gelu", nn::Gelu{}},
                               {"sigmoid", nn::Sigmoid{}},
                               {"silu", nn::Silu{}}});
  given.weights(weights);
  given.finish();
  return nn::mlp(sizes, function, weights);
}

nn::AnyModule lenet(Given& given) {
  std::size_t classes = 10;
  double width = 1;
  nn::WeightOptions weights;
  given("classes", classes);
  given("width", width);
  given.weights(weights);
  given.finish();
  return nn::lenet(classes, weights, width);
}

nn::AnyModule convnet(Given& given) {
  std::size_t width = 256, channels = 1, classes = 10;
  nn::WeightOptions weights;
  given("width", width);
  given("channels", channels);
  given("classes", classes);
  given.weights(weights);
  given.finish();
  return nn::convnet(width, channels, classes, weights);
}

nn::ResNetOptions resnet_options(Given& given) {
  nn::ResNetOptions o;
  given("classes", o.classes);
  given.choice<nn::Stem>("stem", o.stem, {{"imagenet", nn::Stem::imagenet}, {"cifar", nn::Stem::cifar}});
  given("width", o.width);
  given("channels", o.channels);
  given.weights(o.weights);
  given.finish();
  return o;
}
nn::AnyModule resnet18(Given& given) { return nn::resnet18(resnet_options(given)); }
nn::AnyModule resnet34(Given& given) { return nn::resnet34(resnet_options(given)); }
nn::AnyModule resnet50(Given& given) { return nn::resnet50(resnet_options(given)); }

nn::AnyModule wide_resnet(Given& given) {
  std::size_t depth = 16, k = 4;
  nn::WideResNetOptions o;
  given("depth", depth);
  given("k", k);
  given("classes", o.classes);
  given("width", o.width);
  given("channels", o.channels);
  given("dropout", o.dropout);
  given.weights(o.weights);
  given.finish();
  return nn::wide_resnet(depth, k, o);
}

nn::AnyModule vit(Given& given) {
  nn::VitOptions o;
  given("image", o.image);
  given("patch", o.patch);
  given("channels", o.channels);
  given("layers", o.layers);
  given("heads", o.heads);
  given("features", o.features);
  given("hidden", o.hidden);
  given("classes", o.classes);
  given("width", o.width);
  given("dropout", o.dropout);
  given.weights(o.weights);
  given.finish();
  return nn::vit(o);
}

nn::AnyModule mlp_mixer(Given& given) {
  nn::MixerOptions o;
  given("image", o.image);
  given("patch", o.patch);
  given("channels", o.channels);
  given("layers", o.layers);
  given("features", o.features);
  given("tokens_hidden", o.tokens_hidden);
  given("channels_hidden", o.channels_hidden);
  given("classes", o.classes);
  given("width", o.width);
  given.weights(o.weights);
  given.finish();
  return nn::mlp_mixer(o);
}

nn::AnyModule gpt2(Given& given) {
  nn::Gpt2Options o;
  given("vocab_size", o.vocab_size);
  given("n_positions", o.n_positions);
  given("n_embd", o.n_embd);
  given("n_layer", o.n_layer);
  given("n_head", o.n_head);
  given("n_inner", o.n_inner);
  given("layer_norm_epsilon", o.layer_norm_epsilon);
  given("dropout", o.dropout);
  given.choice<nn::LogitsOf>("logits", o.logits,
                             {{"last_token", nn::LogitsOf::last_token}, {"all_tokens", nn::LogitsOf::all_tokens}});
  given.finish();
  return nn::gpt2(o);
}

nn::AnyModule text_classifier(Given& given) {
  std::size_t vocabulary = 0;
  nn::TextOptions o;
  given.required("vocabulary", vocabulary);
  given("features", o.features);
  given("hidden", o.hidden);
  given("classes", o.classes);
  given("width", o.width);
  given.weights(o.weights);
  given.finish();
  return nn::text_classifier(vocabulary, o);
}

using Maker = nn::AnyModule (*)(Given&);
const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all = {{"mlp", mlp},
                                                   {"lenet", lenet},
                                                   {"convnet", convnet},
                                                   {"resnet18", resnet18},
                                                   {"resnet34", resnet34},
                                                   {"resnet50", resnet50},
                                                   {"wide_resnet", wide_resnet},
                                                   {"vit", vit},
                                                   {"mlp_mixer", mlp_mixer},
                                                   {"gpt2", gpt2},
                                                   {"text_classifier", text_classifier}};
  return all;
}

}  // namespace

nn::AnyModule model(const std::string& name, const py::dict& options) {
  const auto found = makers().find(name);
  if (found != makers().end()) {
    Given given(name, options);
    return found->second(given);
  }
  throw option_error("[network] no network '" + name + "'. There are " + listed(model_names()) +
                     ", and files of torch.export.save.");
}

std::vector<std::string> model_names() {
  std::vector<std::string> out;
  for (const auto& entry : makers()) out.push_back(entry.first);
  return out;
}

}  // namespace xtangent::python
