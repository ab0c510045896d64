// Training.
#include <atomic>
#include <exception>

#include "nn/training/fit.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

struct Recipe {
  std::size_t epochs = 10, batch = 64;
  std::string optimizer = "adam", schedule = "constant", checkpoint = {};
  std::optional<double> rate = {}, weight_decay = {};
  double momentum = 0, clip_norm = 0;
  std::uint64_t seed = 0;
  bool resume = false;
  std::vector<std::string> frozen = {};
};

// Options with the rate and the weight decay that were given, or the optimizer's usual ones.
template <class Options>
Options given(Options options, const Recipe& r) {
  if (r.rate) options.rate = *r.rate;
  if (r.weight_decay) options.weight_decay = *r.weight_decay;
  return options;
}

nn::OptimizerSettings optimizer_of(const Recipe& r) {
  if (r.optimizer == "sgd") return nn::sgd(given(nn::SgdOptions{.momentum = r.momentum}, r));
  if (r.momentum != 0) throw option_error("[train] momentum is for sgd; the optimizer is " + r.optimizer + ".");
  if (r.optimizer == "adam") return nn::adam(given(nn::AdamOptions{}, r));
  if (r.optimizer == "adamw") return nn::adamw(given(nn::AdamwOptions{}, r));
  throw option_error("[train] no optimizer '" + r.optimizer + "'. There are sgd, adam, adamw.");
}

// What stops a training from within the interpreter, an exception of the callback or Ctrl-C. The training then ends at
// the next update, with its checkpoint written, and the exception goes on from there.
class Stop {
 public:
  template <class F>
  void guarded(const F& f) {
    try {
      f();
    } catch (...) {
      thrown_ = std::current_exception();
      asked_ = true;
    }
  }
  bool asked() const { return asked_; }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::atomic<bool> asked_ = false;
  std::exception_ptr thrown_;
};

template <class T>
nn::FitOptions<T> fit_options(const Recipe& r, Stop& stop, Watch& watch) {
  nn::FitOptions<T> out;
  out.epochs = r.epochs;
  out.batch = r.batch;
  out.optimizer = optimizer_of(r);
  if (r.schedule != "constant") out.schedule = nn::schedule::parse(r.schedule);  // else epochs may be added later
  out.clip_norm = r.clip_norm;
  out.frozen = r.frozen;
  out.seed = r.seed;
  out.checkpoint.file = r.checkpoint;
  out.checkpoint.resume = r.resume;
  out.progress = [&stop, &watch](const nn::Progress& p) {
    stop.guarded([&] { watch(p.fraction, p.seconds_left, p.loss, p.accuracy); });
  };
  out.stop = [&stop] { return stop.asked(); };
  return out;
}

py::list history_of(const std::vector<nn::Epoch>& epochs) {
  py::list out;
  for (const nn::Epoch& e : epochs)
    out.append(py::make_tuple(e.number, e.loss, e.accuracy, e.test_loss, e.test_accuracy, e.seconds));
  return out;
}

// By cross-entropy if y has one axis of whole numbers, else by squared error.
py::tuple train(const NetworkPtr& net, const py::array& x, const py::array& y, const py::object& x_test,
                const py::object& y_test, const Recipe& recipe, const CallOptions& call) {
  return with_type(call.wide, [&](auto type) {
    using T = decltype(type);
    const Array<T> examples = array_of<T>(x);
    const char kind = y.dtype().kind();
    const bool labeled = y.ndim() == 1 && (kind == 'i' || kind == 'u');
    Stop stop;
    Watch watch(call.progress);
    nn::FitOptions<T> options = fit_options<T>(recipe, stop, watch);
    if (!x_test.is_none()) {
      if (!labeled || y_test.is_none()) throw option_error("[train] test data have labels, as the training data.");
      options.test_x = array_of<T>(x_test.cast<py::array>());
      options.test_labels = labels_of("train", y_test.cast<py::array>());
    }
    const std::vector<std::size_t> labels = labeled ? labels_of("train", y) : std::vector<std::size_t>();
    const Array<T> targets = labeled ? Array<T>() : array_of<T>(y);
    const nn::Parameters<T>& params = net->params<T>();
    nn::Fit<T> fit = released(call.threads, [&] {
      return labeled ? nn::fit(net->net(), params, examples, labels, options)
                     : nn::fit(net->net(), params, examples, targets, options);
    });
    stop.rethrow();
    auto trained = std::make_shared<Network>(net->module(), std::move(fit.params));
    trained->inputs = net->inputs;
    return py::make_tuple(trained, history_of(fit.history));
  });
}

}  // namespace

void bind_training(py::module_& m) {
  py::class_<Recipe>(m, "Recipe")
      .def(py::init<>())
      .def_readwrite("epochs", &Recipe::epochs)
      .def_readwrite("batch", &Recipe::batch)
      .def_readwrite("optimizer", &Recipe::optimizer)
      .def_readwrite("schedule", &Recipe::schedule)
      .def_readwrite("checkpoint", &Recipe::checkpoint)
      .def_readwrite("rate", &Recipe::rate)
      .def_readwrite("momentum", &Recipe::momentum)
      .def_readwrite("weight_decay", &Recipe::weight_decay)
      .def_readwrite("clip_norm", &Recipe::clip_norm)
      .def_readwrite("seed", &Recipe::seed)
      .def_readwrite("resume", &Recipe::resume)
      .def_readwrite("frozen", &Recipe::frozen);
  m.def("train", &train, py::arg("network"), py::arg("x"), py::arg("y"), py::arg("x_test").none(true),
        py::arg("y_test").none(true), py::arg("recipe"), py::arg("options"));
}

}  // namespace xtangent::python
