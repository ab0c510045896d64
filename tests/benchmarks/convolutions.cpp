// Times the convolutions of the reference workloads and those of oneDNN, one after the other on the same cores. Prints
// GFLOP/s, counted as in the sum over taps, for the convolution and its derivatives along the images and along the
// weights.
//
//   convolutions [IMAGES [THREADS]]   64 images and all cores if not given
#include <omp.h>
#include <oneapi/tbb/global_control.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/blas_core.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "tests/benchmarks/measured.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using dnnl::memory;
using dnnl::prop_kind;
using kernels::ConvShape;

struct Layer {
  std::string name;
  std::size_t in, out, size, kernel, stride, padding;

  ConvShape shape() const {
    ConvShape s;
    s.channels = in;
    s.height = s.width = size;
    s.kernel_height = s.kernel_width = kernel;
    s.stride_height = s.stride_width = stride;
    s.padding_height = s.padding_width = padding;
    return s;
  }
};

const std::vector<Layer> layers = {
    {"cnn 1", 3, 32, 32, 3, 1, 0},
    {"cnn 2", 32, 32, 30, 3, 1, 0},
    {"cnn 3", 32, 32, 28, 3, 1, 0},
    {"resnet18 stem", 3, 64, 32, 3, 1, 1},
    {"resnet18 stage 1", 64, 64, 32, 3, 1, 1},
    {"resnet18 stage 2, first", 64, 128, 32, 3, 2, 1},
    {"resnet18 stage 2, shortcut", 64, 128, 32, 1, 2, 0},
    {"resnet18 stage 2", 128, 128, 16, 3, 1, 1},
    {"resnet18 stage 3, first", 128, 256, 16, 3, 2, 1},
    {"resnet18 stage 3", 256, 256, 8, 3, 1, 1},
    {"resnet18 stage 4, first", 256, 512, 8, 3, 2, 1},
    {"resnet18 stage 4", 512, 512, 4, 3, 1, 1},
};

// Runs programs in turn and returns the best seconds of each.
std::vector<double> best_in_turn(const std::vector<std::function<void()>>& programs) {
  std::vector<double> best(programs.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < 4; ++round)
    for (std::size_t p = 0; p < programs.size(); ++p) {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(10));  // so that threads of the previous program stop looking for work
      const Clock all;
      do {
        const Clock one;
        programs[p]();
        best[p] = std::min(best[p], one.seconds());
      } while (all.seconds() < 0.02);
    }
  return best;
}

// One convolution of oneDNN in the layouts that it prefers. `inner` is the convolution alone; `outer` also converts
// from and to arrays in our layout.
class OneDnn {
 public:
  enum class Kind { forward, images, weights };

  OneDnn(Kind kind, const Layer& l, std::size_t count) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const ConvShape s = l.shape();
    const auto dim = [](std::size_t n) { return static_cast<memory::dim>(n); };
    const memory::dims x = {dim(count), dim(l.in), dim(l.size), dim(l.size)},
                       w = {dim(l.out), dim(l.in), dim(l.kernel), dim(l.kernel)},
                       y = {dim(count), dim(l.out), dim(s.out_height()), dim(s.out_width())},
                       stride = {dim(l.stride), dim(l.stride)}, padding = {dim(l.padding), dim(l.padding)};
    const auto any = [](const memory::dims& d) {
      return memory::desc(d, memory::data_type::f32, memory::format_tag::any);
    };
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::primitive_desc forward(
        {prop_kind::forward_training, algorithm, any(x), any(w), any(y), stride, padding, padding}, engine_);
    if (kind == Kind::forward) {
      add(DNNL_ARG_SRC, x, forward.src_desc(), memory::format_tag::nchw, true);
      add(DNNL_ARG_WEIGHTS, w, forward.weights_desc(), memory::format_tag::oihw, true);
      add(DNNL_ARG_DST, y, forward.dst_desc(), memory::format_tag::nchw, false);
      primitive_ = dnnl::convolution_forward(forward);
    } else if (kind == Kind::images) {
      const dnnl::convolution_backward_data::primitive_desc d(
          {algorithm, any(x), any(w), any(y), stride, padding, padding}, engine_, forward);
      add(DNNL_ARG_DIFF_DST, y, d.diff_dst_desc(), memory::format_tag::nchw, true);
      add(DNNL_ARG_WEIGHTS, w, d.weights_desc(), memory::format_tag::oihw, true);
      add(DNNL_ARG_DIFF_SRC, x, d.diff_src_desc(), memory::format_tag::nchw, false);
      primitive_ = dnnl::convolution_backward_data(d);
    } else {
      const dnnl::convolution_backward_weights::primitive_desc d(
          {algorithm, any(x), any(w), any(y), stride, padding, padding}, engine_, forward);
      add(DNNL_ARG_SRC, x, d.src_desc(), memory::format_tag::nchw, true);
      add(DNNL_ARG_DIFF_DST, y, d.diff_dst_desc(), memory::format_tag::nchw, true);
      add(DNNL_ARG_DIFF_WEIGHTS, w, d.diff_weights_desc(), memory::format_tag::oihw, false);
      primitive_ = dnnl::convolution_backward_weights(d);
    }
  }

  void inner() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }
  void outer() {
    for (Argument& a : all_)
      if (a.input && a.moved) dnnl::reorder(a.ours, a.theirs).execute(stream_, a.ours, a.theirs);
    primitive_.execute(stream_, arguments_);
    for (Argument& a : all_)
      if (!a.input && a.moved) dnnl::reorder(a.theirs, a.ours).execute(stream_, a.theirs, a.ours);
    stream_.wait();
  }

 private:
  struct Argument {
    memory ours, theirs;
    bool input, moved;
  };
  void add(int which, const memory::dims& dims, const memory::desc& theirs, memory::format_tag tag, bool input) {
    const memory::desc ours(dims, memory::data_type::f32, tag);
    Argument a{memory(ours, engine_), memory(theirs, engine_), input, !(ours == theirs)};
    for (const memory& m : {a.ours, a.theirs})
      std::fill_n(static_cast<float*>(m.get_data_handle()), m.get_desc().get_size() / sizeof(float), 0.5F);
    arguments_.emplace(which, a.moved ? a.theirs : a.ours);
    all_.push_back(std::move(a));
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
  std::vector<Argument> all_;
};

void compare(const Layer& l, std::size_t count) {
  const ConvShape s = l.shape();
  const std::size_t weights = l.out * s.patch_size();
  const Array<float> x = Array<float>::full({count * s.input_size()}, 0.5F), w = Array<float>::full({weights}, 0.5F);
  const Array<float> y = Array<float>::full({count * l.out * s.positions()}, 0.5F);
  Array<float> out(y.shape()), images(x.shape()), gradient(w.shape());
  const double gflop = 2e-9 * static_cast<double>(count * s.positions() * weights);
  std::printf("| %s |", l.name.c_str());
  const auto row = [&](OneDnn::Kind kind, const std::function<void()>& ours) {
    OneDnn theirs(kind, l, count);
    const std::vector<double> best = best_in_turn({ours, [&] { theirs.outer(); }, [&] { theirs.inner(); }});
    std::printf(" %.0f | %.0f (%.0f) |", gflop / best[0], gflop / best[1], gflop / best[2]);
    std::fflush(stdout);
  };
  row(OneDnn::Kind::forward,
      [&] { kernels::conv2d<float>(s, count, l.out, x.data(), w.data(), nullptr, out.mutable_data()); });
  row(OneDnn::Kind::images,
      [&] { kernels::conv2d_input<float>(s, count, l.out, y.data(), w.data(), images.mutable_data()); });
  row(OneDnn::Kind::weights,
      [&] { kernels::conv2d_weight<float>(s, count, l.out, x.data(), y.data(), gradient.mutable_data()); });
  std::printf("\n");
}

// Idle threads of OpenMP would go on looking for work while ours run. The setting that forbids it is read when the
// program is loaded.
void let_idle_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY")) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  let_idle_threads_sleep(argv);
  use_fitting_blas_core(argv);
  try {
    const std::size_t count = argc > 1 ? std::stoul(argv[1]) : 64;
    const std::size_t threads = argc > 2 ? std::stoul(argv[2]) : kernels::thread_count();
    tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
    omp_set_num_threads(static_cast<int>(threads));
    const dnnl_version_t* version = dnnl_version();
    std::printf(
        "%zu images, %zu threads, float, GFLOP/s; oneDNN %d.%d.%d: between arrays in our layout (in its own)\n\n",
        count, threads, version->major, version->minor, version->patch);
    std::printf("| layer | forward | oneDNN | images | oneDNN | weights | oneDNN |\n|---|---|---|---|---|---|---|\n");
    for (const Layer& l : layers) compare(l, count);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "convolutions: %s\n", failure.what());
    return 1;
  }
  return 0;
}
