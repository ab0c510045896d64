// A program of a user, which knows the library only through pkg-config or as a subproject.
#include <cmath>
#include <cstdio>
#include <xtangent.hpp>

int main(int, char** argv) {
  using namespace xtangent;
  use_fitting_blas_core(argv);

  // Takes expressions, and returns arrays of the type that the settings of this program give.
  const xt::xarray<double> values = {{0.5, -1.0, 2.0}, {1.5, 0.25, -0.75}};
  Tape<double> tape;
  const auto x = tape.variable(xt::view(values, 0, xt::all()) * 2.0);
  const auto y = sum(exp(x) * x);
  const xt::xarray<double> slope =
      pullback<double>(y, Array<double>::scalar(1.0), Vars<double>(&x, 1))[0].value().to_xarray();
  for (std::size_t i = 0; i < 3; ++i) {
    const double at = 2.0 * values(0, i);
    if (std::abs(slope(i) - std::exp(at) * (1.0 + at)) > 1e-12 * std::exp(at) * 10.0) return 1;
  }

  const auto net = nn::sequential(nn::Linear{3, 8}, nn::Tanh{}, nn::Linear{8, 2});
  const auto params = net.init<float>(1);
  const xt::xarray<float> images = xt::random::randn<float>({5, 3});
  const xt::xarray<double> pntk = ntk::pntk(net, params, images).to_xarray();
  const xt::xarray<double> entk = ntk::entk(net, params, images).to_xarray();
  if (pntk.shape() != xt::xarray<double>::shape_type{5, 5}) return 2;
  double largest = 0.0;
  for (std::size_t n = 0; n < 5; ++n)
    for (std::size_t m = 0; m < 5; ++m) {
      double block = 0.0;
      for (std::size_t o = 0; o < 4; ++o) block += entk(2 * n + o / 2, 2 * m + o % 2);
      largest = std::max(largest, std::abs(block / 2.0 - pntk(n, m)));
    }
  if (!(largest < 1e-5 * pntk(0, 0))) return 3;

  try {  // the type of an error must be the same inside and outside of the library
    net(params, xt::xarray<float>::from_shape({5, 4}));
    return 4;
  } catch (const shape_error& refused) {
    std::printf("%s\n", refused.what());
  }
  return 0;
}
