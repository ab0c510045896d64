// The kernels of docs/tutorial.md, those of the network that train.cpp has saved.
#include <cstdio>
#include <iostream>

#include "examples/tutorial/spirals.hpp"

using namespace xtangent;

namespace {

const nn::Sequential net = spirals::network();

void compute(const nn::Parameters<float>& params, const Array<float>& x) {
  // [kernel]
  for (const auto& [name, point] : {std::pair{"at the start", net.init<float>(1)}, {"after training", params}}) {
    const Array<double> exact = ntk::entk(net, point, x), pseudo = ntk::pntk(net, point, x);
    std::cout << name << ": eNTK " << exact.shape() << ", pNTK " << pseudo.shape();
    std::printf(", relative difference %.3f\n", ntk::relative_frobenius(exact, pseudo, 3));
  }
  // [/kernel]
  // [readout]
  const Array<double> exact = ntk::entk(net, params, x);
  for (const ntk::Readout& readout :
       {ntk::readout::pseudo(), ntk::readout::random_signs(2), ntk::readout::single(0), ntk::readout::trace()}) {
    const Array<double> k = ntk::kernel(net, params, x, readout);
    std::printf("%-8s relative difference %.3f\n", readout.name().c_str(), ntk::relative_frobenius(exact, k, 3));
  }
  // [/readout]
}

void plan(const nn::Parameters<float>& params, const Array<float>& x) {
  // [plan]
  const ntk::Options options{.memory = std::size_t{256} << 20};
  const ntk::Plan plan = ntk::plan(net, params, x, 2000, 2000, ntk::readout::pseudo(), options);
  std::cout << plan;
  // [/plan]
  // [budget]
  try {
    const ntk::Options too_little{.memory = std::size_t{4} << 20};
    ntk::entk(net, params, x, too_little);
  } catch (const memory_error& error) {
    std::cout << error.what() << "\n";
  }
  // [/budget]
}

void regress(const nn::Parameters<float>& params, const spirals::Points& train, const spirals::Points& test) {
  // [regression]
  const Array<double> targets = nn::one_hot<double>(train.labels, 3);
  for (const auto& [name, point] : {std::pair{"at the start", net.init<float>(1)}, {"after training", params}}) {
    const Array<double> k = ntk::pntk(net, point, train.x), k_test = ntk::pntk(net, point, test.x, train.x);
    const ntk::Regression<double> regression(k, {.ridge = 1e-4});
    const Array<double> f0(net(point, train.x).xt()), f0_test(net(point, test.x).xt());
    const Array<double> predicted = regression.predict(k_test, targets, f0, f0_test);
    std::printf("kernel %s: accuracy %.3f, leave-one-out %.3f\n", name, nn::accuracy(predicted, test.labels),
                nn::accuracy(regression.leave_one_out(targets, f0), train.labels));
  }
  // [/regression]
}

}  // namespace

int main(int, char** argv) {
  xtangent::use_fitting_blas_core(argv);
  // [load]
  const nn::Parameters<float> params = nn::load_parameters<float>(net, "spirals.safetensors");
  const spirals::Points train = spirals::points(300, 1), test = spirals::points(300, 2);
  // [/load]
  compute(params, train.x);
  plan(params, train.x);
  regress(params, train, test);
}
