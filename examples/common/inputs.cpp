#include "examples/common/inputs.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/ops/activation.hpp"
#include "examples/common/networks.hpp"
#include "nn/data/npy.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/gpt2.hpp"
#include "nn/models/text_classifier.hpp"
#include "nn/models/width.hpp"
#include "nn/positions.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

// nn::text_classifier with the mean over the tokens where a mask is 1, or weighted by it. The parameters have the same
// names and shapes.
struct MaskedText : nn::Module<MaskedText> {
  nn::Embedding embedding;
  nn::Linear fc1, fc2;
  std::size_t tokens;

  MaskedText(std::size_t vocabulary, std::size_t features, std::size_t hidden, std::size_t classes, std::size_t length)
      : embedding(vocabulary, features), fc1(features, hidden), fc2(hidden, classes), tokens(length) {}
  void children(nn::Declaration& visit) const {
    visit("embedding", embedding);
    visit("fc1", fc1);
    visit("fc2", fc2);
  }
  std::array<Shape, 2> inputs() const { return {Shape{tokens}, Shape{tokens}}; }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& ids, const Var<T>& mask) const {
    const Var<T> words = nn::masked_mean(embedding(p["embedding"], ids), mask);
    return fc2(p["fc2"], relu(fc1(p["fc1"], words)));
  }
};

std::string listed(const std::vector<Shape>& shapes) {
  std::string out;
  for (const Shape& shape : shapes) out.append(out.empty() ? "" : ", ").append(to_string(shape));
  return out;
}

[[noreturn]] void refuse(const std::string& name, const char* takes, const InputSizes& sizes) {
  throw shape_error("[network] " + name + " takes " + takes + "; the inputs of an example are " + listed(sizes.inputs) +
                    ".");
}

std::size_t classes_of(const std::string& name, const InputSizes& sizes) {
  if (sizes.classes == 0)
    throw option_error("[network] " + name +
                       " needs the number of its outputs. Give it with --classes N, or labels with --labels FILE.");
  return sizes.classes;
}

double positive(double width) {
  if (!(width > 0.0)) throw option_error("[network] --width must be positive.");
  return width;
}

NetworkForInputs text(const InputSizes& sizes) {
  const std::vector<Shape>& in = sizes.inputs;
  const bool fits = (in.size() == 1 || (in.size() == 2 && in[0] == in[1])) && in[0].rank() == 1;
  if (!fits) refuse("text", "tokens (T), or tokens (T) and a mask (T)", sizes);
  const double width = positive(sizes.width.value_or(1));
  const nn::TextOptions options{.classes = classes_of("text", sizes), .width = width};
  if (in.size() == 1) return {nn::text_classifier(sizes.vocabulary, options), width};
  return {MaskedText(sizes.vocabulary, nn::scaled_width("text", options.features, width),
                     nn::scaled_width("text", options.hidden, width), options.classes, in[0][0]),
          width};
}

// The sizes of the model "gpt2", with as many features for each of the 12 heads as the width asks for.
NetworkForInputs gpt2(const InputSizes& sizes) {
  if (sizes.inputs.size() != 1 || sizes.inputs[0].rank() != 1) refuse("gpt2", "tokens (T)", sizes);
  const double width = positive(sizes.width.value_or(1));
  nn::Gpt2Options options;
  options.n_embd = options.n_head * nn::scaled_width("gpt2", options.n_embd / options.n_head, width);
  if (sizes.vocabulary) options.vocab_size = sizes.vocabulary;
  return {nn::gpt2(options), width};
}

}  // namespace

template <class T>
std::vector<Array<T>> read_inputs(const std::string& program, const std::string& option,
                                  const std::vector<fs::path>& files) {
  std::vector<Array<T>> out;
  for (const fs::path& file : files) {
    out.push_back(nn::read_npy_file(file).get<T>());
    const Shape& shape = out.back().shape();
    const std::string where = "[" + program + "] " + option + " " + file.string() + ": " + to_string(shape);
    if (shape.rank() == 0) throw shape_error(where + " has no axis of examples.");
    if (shape[0] != out.front().shape()[0])
      throw shape_error(where + " and " + files.front().string() + " " + to_string(out.front().shape()) +
                        " have different numbers of examples.");
  }
  return out;
}

std::vector<std::size_t> read_labels(const std::string& program, const std::string& option, const fs::path& file,
                                     std::size_t examples) {
  const nn::Int64Values found = nn::read_npy_file(file).integers();
  const std::string where = "[" + program + "] " + option + " " + file.string() + ": ";
  if (!(found.shape == Shape{examples}))
    throw shape_error(where + to_string(found.shape) + ", expected " + to_string(Shape{examples}) +
                      ", a label for each example.");
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < examples; ++i) {
    if (found.values[i] < 0)
      throw data_error(where + "label " + std::to_string(i) + " is " + std::to_string(found.values[i]) +
                       "; labels begin with 0.");
    out.push_back(static_cast<std::size_t>(found.values[i]));
  }
  return out;
}

bool takes_tokens(const std::string& name) { return name == "text" || name == "gpt2"; }

NetworkForInputs network_for(const std::string& name, const InputSizes& sizes) {
  if (name == "text") return text(sizes);
  if (name == "gpt2") return gpt2(sizes);
  const NetworkKind& kind = network_kind(name);
  const bool flat = kind.layout == nn::ImageLayout::flat;
  if (sizes.inputs.size() != 1 || (!flat && sizes.inputs[0].rank() != 3))
    refuse(name, flat ? "one input of any shape" : "images (channels, height, width)", sizes);
  const Shape& one = sizes.inputs[0];
  nn::LabeledImages like;  // no images, only their sizes
  like.channels = flat ? 1 : one[0];
  like.height = flat ? 1 : one[1];
  like.width = flat ? one.size() : one[2];
  like.classes = classes_of(name, sizes);
  const double width = kind.width_for(like, sizes.width);
  return {kind.make(like, width), width, flat};
}

template std::vector<Array<float>> read_inputs(const std::string&, const std::string&, const std::vector<fs::path>&);
template std::vector<Array<double>> read_inputs(const std::string&, const std::string&, const std::vector<fs::path>&);

}  // namespace xtangent::examples
