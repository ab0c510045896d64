#include <cstdio>
#include <xtangent.hpp>
using namespace xtangent;
int main(int, char** argv) {
  use_fitting_blas_core(argv);
  const xt::xarray<float> x = xt::random::randn<float>({200, 16});  // 200 examples of two classes
  std::vector<std::size_t> labels(200);
  for (std::size_t n = 0; n < 200; ++n) labels[n] = x(n, 0) + x(n, 1) > 0;
  const auto net = nn::mlp({16, 512, 512, 2});
  const auto params = nn::fit(net, net.init<float>(), x, labels, {.epochs = 20}).params;
  const auto entk = ntk::entk(net, params, x), pntk = ntk::pntk(net, params, x);  // (400, 400), (200, 200)
  std::printf("accuracy %.3f, relative difference of the kernels %.3f\n", nn::accuracy(net, params, x, labels),
              ntk::relative_frobenius(entk, pntk, 2));
}
