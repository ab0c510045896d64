#include "examples/distill/distill.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "autodiff/kernels/random.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/ops/solve.hpp"
#include "examples/common/format.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/data/dataset.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/sequential.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/optimizer.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

enum Stream : std::uint64_t { first_images, batches, random_images };

nn::Sequential network_of(const DistillSettings& settings, const nn::LabeledImages& images) {
  if (settings.network == "lenet") {
    if (images.height != 28 || images.width != 28)
      throw option_error("[distill] lenet takes images of 28 x 28, these have " + std::to_string(images.height) +
                         " x " + std::to_string(images.width) + ". Choose mlp.");
    return nn::lenet(images.classes);
  }
  if (settings.network != "mlp")
    throw option_error("[distill] no network '" + settings.network + "'. There are mlp, lenet.");
  return nn::mlp({images.image_size(), settings.width, settings.width, images.classes});
}

// Targets (N, O): 1 - 1/O for the class of the image, and -1/O for the others.
Array<float> targets(const std::vector<std::size_t>& labels, std::size_t classes) {
  Array<float> out = Array<float>::full({labels.size(), classes}, -1.0F / static_cast<float>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) out.mutable_data()[i * classes + labels[i]] += 1.0F;
  return out;
}

std::vector<std::size_t> random_batch(const nn::Dataset& data, std::size_t count, std::uint64_t seed,
                                      std::uint64_t stream) {
  std::vector<std::size_t> order = kernels::permutation(seed, stream, data.count());
  order.resize(std::min(count, order.size()));
  return order;
}

// The index of a random image of each class, in the order of the classes.
std::vector<std::size_t> one_of_each(const nn::Dataset& data, std::uint64_t seed, std::uint64_t stream) {
  const std::vector<std::size_t> order = kernels::permutation(seed, stream, data.count()), labels = data.labels();
  std::vector<std::size_t> out;
  for (std::size_t c = 0; c < data.classes(); ++c) {
    const auto found = std::find_if(order.begin(), order.end(), [&](std::size_t i) { return labels[i] == c; });
    if (found == order.end()) throw data_error("[distill] no training image of class " + std::to_string(c) + ".");
    out.push_back(*found);
  }
  return out;
}

// The distilled images as parameters for the optimizer.
nn::Parameters<float> as_parameters(const Array<float>& images) {
  auto layout = std::make_shared<nn::Layout>();
  layout->parameters.push_back({"images", images.shape(), 0, true, {}});
  layout->parameter_size = images.size();
  return {layout, images.reshaped({images.size()}), Array<float>({0})};
}

class Distiller {
 public:
  Distiller(const DistillSettings& settings, const nn::TrainAndTest& images)
      : settings_(settings),
        net_(network_of(settings, images.train)),
        scaling_(nn::standardization(images.train)),
        train_(images.train, options()),
        test_(images.test, options()) {}

  Distillation run() {
    const Stopwatch watch;
    const std::vector<std::size_t> chosen = one_of_each(train_, settings_.seed, first_images);
    nn::Parameters<float> images = as_parameters(train_.batch<float>(chosen));
    labels_ = train_.labels(chosen);
    Distillation out;
    out.before = ink(images.slice(0));
    nn::Optimizer<float> adam(nn::adam({.rate = settings_.learning_rate}));
    Progress bar(static_cast<double>(settings_.steps));
    bar.step("distilling", static_cast<double>(settings_.steps), static_cast<double>(settings_.steps), "steps");
    for (std::size_t step = 0; step < settings_.steps; ++step) {
      // The rate ends at a hundredth: a half cosine.
      adam.set_rate(settings_.learning_rate * (0.505 + 0.495 * std::cos(M_PI * static_cast<double>(step) /
                                                                        static_cast<double>(settings_.steps))));
      out.losses.emplace_back(static_cast<double>(step + 1), update(step, images, adam));
      bar.note("loss " + fixed(out.losses.back().second, 4));
      bar.update(static_cast<double>(step + 1));
    }
    bar.finish();
    out.after = ink(images.slice(0));
    compare(train_.batch<float>(chosen), images.slice(0), out);
    out.seconds = watch.seconds();
    return out;
  }

 private:
  nn::DatasetOptions options() const {
    return {.layout = settings_.network == "lenet" ? nn::ImageLayout::planes : nn::ImageLayout::flat,
            .scaling = {scaling_}};
  }

  double update(std::size_t step, nn::Parameters<float>& images, nn::Optimizer<float>& adam) const {
    const std::vector<std::size_t> chosen = random_batch(train_, settings_.batch_size, settings_.seed + step, batches);
    const nn::Parameters<float> params = net_.init<float>(settings_.seed + 1 + step);
    const ntk::Readout pseudo = ntk::readout::pseudo();
    Tape<float> tape;
    const Var<float> x = tape.variable(images.slice(0), Examples::axis0);
    const Var<float> k = ntk::differentiable_kernel<float>(net_, params, x, x, pseudo);
    const Var<float> cross =
        ntk::differentiable_kernel<float>(net_, params, Var<float>(train_.batch<float>(chosen)), x, pseudo);
    const std::size_t n = k.shape()[0];
    Array<float> diagonal = Array<float>::zeros({n, n});
    for (std::size_t i = 0; i < n; ++i) diagonal.mutable_data()[i * n + i] = 1;
    const Var<float> unit(diagonal);
    const Var<float> ridge = sum(k * unit) * (settings_.ridge / static_cast<double>(n));
    const Var<float> weights =
        solve_positive_definite(k + unit * ridge, Var<float>(targets(labels_, train_.classes())));
    const Var<float> error = matmul(cross, weights) - Var<float>(targets(train_.labels(chosen), train_.classes()));
    const Var<float> loss = sum(square(error)) / static_cast<double>(chosen.size());
    const Var<float> inputs[] = {x};
    adam.step(images, pullback<float>(loss, Var<float>(Array<float>::scalar(1)), inputs));
    return loss.value().item();
  }

  void compare(const Array<float>& before, const Array<float>& after, Distillation& out) const {
    std::vector<std::size_t> indices(std::min(settings_.test_images, test_.count()));
    std::iota(indices.begin(), indices.end(), std::size_t(0));
    const Array<float> x = test_.batch<float>(indices);
    const std::vector<std::size_t> truth = test_.labels(indices);
    // A network that no step has seen.
    const nn::Parameters<float> params = net_.init<float>(settings_.seed + 1 + settings_.steps);
    const auto accuracy = [&](const Array<float>& images) {
      const Array<float> y = targets(labels_, train_.classes());
      const ntk::Regression<double> regression(ntk::pntk(net_, params, images), {.ridge = settings_.ridge});
      Array<double> wide({y.shape()[0], y.shape()[1]});
      std::copy_n(y.data(), y.size(), wide.mutable_data());
      return nn::accuracy(ntk::predict(ntk::pntk(net_, params, x, images), regression.solve(wide),
                                       Array<double>::zeros({truth.size(), train_.classes()})),
                          truth);
    };
    out.test_images = truth.size();
    out.first = accuracy(before);
    out.accuracy = accuracy(after);
    for (std::size_t d = 0; d < settings_.draws; ++d)
      out.random.push_back(accuracy(train_.batch<float>(one_of_each(train_, settings_.seed + d, random_images))));
  }

  // (classes, height, width); 0 is paper and 1 is ink, and images that were distilled may go beyond
  Array<double> ink(const Array<float>& images) const {
    const nn::LabeledImages& raw = train_.images();
    Array<double> out({images.shape()[0], raw.height, raw.width});
    for (std::size_t i = 0; i < out.size(); ++i)
      out.mutable_data()[i] = static_cast<double>(images[i]) * scaling_.deviation + scaling_.mean;
    return out;
  }

  const DistillSettings& settings_;
  nn::Sequential net_;
  nn::PixelScaling scaling_;
  nn::Dataset train_, test_;
  std::vector<std::size_t> labels_;
};

}  // namespace

Distillation distill(const DistillSettings& settings, const nn::TrainAndTest& images) {
  if (images.train.channels != 1) throw option_error("[distill] only gray images can be shown.");
  return Distiller(settings, images).run();
}

}  // namespace xtangent::examples
