// Compares ops with PyTorch's: values, and cotangents of all arguments. tests/fixtures/operations.py has the same
// table.
#include <functional>
#include <limits>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/einsum.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/padding.hpp"
#include "autodiff/ops/pooling.hpp"
#include "autodiff/ops/rearranging.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/ops/resampling.hpp"
#include "autodiff/ops/selection.hpp"
#include "autodiff/ops/solve.hpp"
#include "autodiff/ops/transposed_convolution.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/safetensors.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

using V = Var<double>;
using Function = std::function<V(Vars<double>)>;

V weighted(std::vector<V> pieces, long axis) {
  for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i] = pieces[i] * static_cast<double>(i + 1);
  return concatenate(pieces, axis);
}

const std::vector<std::pair<std::string, Function>> operations = {
    {"where", [](auto x) { return where(step(x[0]), x[1], x[2]); }},
    {"masked_fill", [](auto x) { return masked_fill(x[0], step(x[1]), -1.5); }},
    {"clamp", [](auto x) { return clamp(x[0], -0.5, 0.5); }},
    {"clamp_arrays", [](auto x) { return clamp(x[0], x[1], x[2]); }},
    {"pow_number", [](auto x) { return pow(x[0], 2.5); }},
    {"pow_whole", [](auto x) { return pow(x[0], 3.0); }},
    {"pow_zero", [](auto x) { return pow(x[0], 0.0); }},
    {"pow", [](auto x) { return pow(x[0], x[1]); }},
    {"pow_of_zero", [](auto x) { return pow(x[0] * 0.0, x[1]); }},
    {"stack", [](auto x) { return stack(x); }},
    {"stack_last", [](auto x) { return stack(x, -1); }},
    {"split", [](auto x) { return weighted(split(x[0], 2, 1), 1); }},
    {"split_sizes",
     [](auto x) {
       return weighted(split(x[0], std::vector<std::size_t>{1, 3}), 0);
     }},
    {"chunk", [](auto x) { return weighted(chunk(x[0], 4, -1), -1); }},
    {"flip",
     [](auto x) {
       return flip(x[0], {0, -1});
     }},
    {"roll", [](auto x) { return roll(x[0], 2, 1); }},
    {"roll_back", [](auto x) { return roll(x[0], -7, 0); }},
    {"norm",
     [](auto x) {
       return norm(x[0], {1, 2}, {.keepdims = true});
     }},
    {"norm_zero",
     [](auto x) {
       return norm(x[0] * V(Array<double>::from({2, 1}, {0, 1})), {1});
     }},
    {"norm_one", [](auto x) { return norm(x[0], {1}, {.p = 1}); }},
    {"norm_infinity",
     [](auto x) {
       return norm(x[0], {0, 2}, {.p = std::numeric_limits<double>::infinity()});
     }},
    {"norm_half", [](auto x) { return norm(x[0], {-1}, {.p = 0.5, .keepdims = true}); }},
    {"norm_three", [](auto x) { return norm(x[0], {}, {.p = 3}); }},
    {"norm_broken",
     [](auto x) {
       return norm(x[0] * V(Array<double>::from({2, 1}, {0, 1})), {1}, {.p = 1.5});
     }},
    {"norm_count", [](auto x) { return norm(x[0], {0}, {.p = 0}) * sum(x[0], {0}); }},
    {"gather",
     [](auto x) {
       return gather(x[0], 1, V(Array<double>::from({2, 1, 2}, {2, 0, 1, 1})));
     }},
    {"einsum_attention", [](auto x) { return einsum("nthd,nshd->nhts", x); }},
    {"einsum_three", [](auto x) { return einsum("ni,ijk,nj->nk", x); }},
    {"einsum_implicit", [](auto x) { return einsum("ca,ab", x); }},
    {"einsum_trace", [](auto x) { return einsum("ii", x); }},
    {"einsum_diagonal", [](auto x) { return einsum("ini->in", x); }},
    {"einsum_repeated", [](auto x) { return einsum("nijj,kk->nik", x); }},
    {"einsum_thrice", [](auto x) { return einsum("aaab->ba", x); }},
    {"einsum_dots", [](auto x) { return einsum("...ij,jk->...ik", x); }},
    {"einsum_dots_inside", [](auto x) { return einsum("i...j,...jk->...ki", x); }},
    {"einsum_dots_ones", [](auto x) { return einsum("...i,...i", x); }},
    {"einsum_dots_summed", [](auto x) { return einsum("i...,i->i", x); }},
    {"amax",
     [](auto x) {
       return amax(x[0], {0, 2});
     }},
    {"amin", [](auto x) { return amin(x[0], {-1}, true); }},
    {"max_all", [](auto x) { return amax(x[0]); }},
    {"max_dim", [](auto x) { return max(x[0], 1); }},
    {"min_dim", [](auto x) { return min(x[0], 0); }},
    {"maximum", [](auto x) { return maximum(x[0], x[1]); }},
    {"minimum", [](auto x) { return minimum(x[0], x[1]); }},
    {"log1p", [](auto x) { return log1p(x[0]); }},
    {"expm1", [](auto x) { return expm1(x[0]); }},
    {"solve", [](auto x) { return solve(x[0], x[1]); }},
    {"solve_shared", [](auto x) { return solve(x[0], x[1]); }},
    {"conv2d_same",
     [](auto x) {
       return conv2d(x[0], x[1], V(), {.padding = same_padding, .dilation = {1, 3}});
     }},
    {"conv1d_valid", [](auto x) { return conv1d(x[0], x[1]); }},
    {"conv3d",
     [](auto x) {
       return conv3d(x[0], x[1], x[2], {.stride = {1, 2, 1}, .padding = {1, 0, 2}, .dilation = {2, 1, 1}, .groups = 2});
     }},
    {"conv3d_same",
     [](auto x) {
       return conv3d(x[0], x[1], V(), {.padding = same_padding, .dilation = {1, 2, 1}});
     }},
    {"max_pool1d",
     [](auto x) {
       const Pool1dOptions o{.stride = 2, .padding = 1, .dilation = 3, .ceil_mode = true};
       return pool_signals(x[0], 2, o, [](const auto& v, auto k, auto wide) { return max_pool2d(v, k, wide); });
     }},
    {"max_pool2d",
     [](auto x) {
       return max_pool2d(x[0], {3, 2}, {.stride = {2, 3}, .padding = {1, 0}, .dilation = {2, 1}, .ceil_mode = true});
     }},
    {"max_pool2d_ceil",
     [](auto x) {
       return max_pool2d(x[0], 2, {.stride = {2, 3}, .padding = 1, .ceil_mode = true});
     }},
    {"max_pool3d",
     [](auto x) {
       return max_pool3d(x[0], 2,
                         {.stride = {1, 2, 2}, .padding = {0, 1, 0}, .dilation = {2, 1, 1}, .ceil_mode = true});
     }},
    {"avg_pool1d",
     [](auto x) {
       const Pool1dOptions o{.stride = 2, .padding = 1, .ceil_mode = true};
       return pool_signals(x[0], 3, o, [](const auto& v, auto k, auto wide) { return avg_pool2d(v, k, wide); });
     }},
    {"avg_pool2d_padding",
     [](auto x) {
       return avg_pool2d(x[0], {3, 2}, {.stride = {2, 3}, .padding = 1, .ceil_mode = true});
     }},
    {"avg_pool2d_inside",
     [](auto x) {
       return avg_pool2d(x[0], {3, 2}, {.stride = {2, 3}, .padding = 1, .count_include_pad = false, .ceil_mode = true});
     }},
    {"avg_pool3d",
     [](auto x) {
       return avg_pool3d(x[0], {3, 2, 2}, {.stride = {2, 2, 1}, .padding = {1, 0, 1}, .ceil_mode = true});
     }},
    {"adaptive_avg_pool3d",
     [](auto x) {
       return adaptive_avg_pool3d(x[0], {2, 1, 3});
     }},
    {"adaptive_max_pool3d",
     [](auto x) {
       return adaptive_max_pool3d(x[0], {2, 3, 1});
     }},
    {"pad_constant",
     [](auto x) {
       return pad(x[0], {1, 2, 0, 1}, {.value = 1.5});
     }},
    {"pad_reflect",
     [](auto x) {
       return pad(x[0], {2, 1, 0, 2}, {.mode = PadMode::reflect});
     }},
    {"pad_replicate",
     [](auto x) {
       return pad(x[0], {2, 1, 0, 3, 1, 1}, {.mode = PadMode::replicate});
     }},
    {"pad_circular",
     [](auto x) {
       return pad(x[0], {3, 1}, {.mode = PadMode::circular});
     }},
    {"conv_transpose2d",
     [](auto x) {
       return conv_transpose2d(
           x[0], x[1], x[2],
           {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
     }},
    {"conv_transpose1d",
     [](auto x) {
       return conv_transpose1d(x[0], x[1], V(), {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2});
     }},
    {"nearest",
     [](auto x) {
       return interpolate(x[0], {5, 2});
     }},
    {"nearest_scale",
     [](auto x) {
       return interpolate(x[0], {5, 6}, {.scale = 1.7});
     }},
    {"bilinear",
     [](auto x) {
       return interpolate(x[0], {5, 2}, {.mode = Interpolation::bilinear});
     }},
    {"bilinear_scale",
     [](auto x) {
       return interpolate(x[0], {5, 6}, {.mode = Interpolation::bilinear, .scale = 1.7});
     }},
    {"bilinear_corners",
     [](auto x) {
       return interpolate(x[0], {5, 2}, {.mode = Interpolation::bilinear, .align_corners = true});
     }},
    {"pixel_shuffle", [](auto x) { return pixel_shuffle(x[0], 2); }},
    {"cumsum", [](auto x) { return cumsum(x[0], 1); }},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(torch_operations)

BOOST_AUTO_TEST_CASE(values_and_cotangents) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  const TensorFile file =
      read_safetensors(std::filesystem::path(source ? source : ".") / "tests/fixtures/operations.safetensors");
  for (const auto& [name, f] : operations) BOOST_TEST_CONTEXT(name) {
      const auto stored = [&file, at = name](const std::string& key) { return file.get<double>(at + "/" + key); };
      Tape<double> tape;
      std::vector<V> x;
      for (std::size_t i = 0; file.contains(name + "/x" + std::to_string(i)); ++i)
        x.push_back(tape.variable(stored(std::string("x").append(std::to_string(i)))));
      BOOST_TEST(!x.empty());
      const V y = f(x);
      BOOST_TEST(difference(y.value(), stored("y")) < 1e-13);
      const std::vector<V> bars = pullback<double>(y, V(stored("w")), x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::string key = std::string("bar").append(std::to_string(i));
        const Array<double> none = Array<double>::zeros(x[i].shape());
        BOOST_TEST(difference(bars[i].defined() ? bars[i].value() : none,
                              file.contains(name + "/" + key) ? stored(key) : none) < 1e-12);
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()
