#include "nn/module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>
#include <utility>

#include "autodiff/origin.hpp"

namespace xtangent::nn {
namespace {

// A shape_error whose message already names the layer.
struct located_shape_error : shape_error {
  using shape_error::shape_error;
};

std::string layer_name(const std::string& path, const std::string& type) {
  return path.empty() ? "the network (" + type + ")" : "layer '" + path + "' (" + type + ")";
}
std::string in_layer(const std::string& path, const std::string& type) { return "in " + layer_name(path, type); }

std::string path_of(const Layout::Layer& layer, std::string_view name) {
  return layer.path.empty() ? std::string(name) : layer.path + "." + std::string(name);
}

// Walks a network and writes its layout.
class LayoutBuilder : public Declaration {
 public:
  explicit LayoutBuilder(const ModuleBase& network) : layout_(std::make_shared<Layout>()) {
    layout_->layers.emplace_back("", network.type());
    network.declare(*this);
  }
  std::shared_ptr<const Layout> layout() const { return layout_; }

  void operator()(std::string_view name, const Shape& shape, const Initializer& initializer) override {
    add(name,
        {.name = "", .shape = shape, .offset = layout_->parameter_size, .trainable = true, .initializer = initializer});
    layout_->parameter_size += shape.size();
  }
  void buffer(std::string_view name, const Shape& shape, double value) override {
    add(name, {.name = "",
               .shape = shape,
               .offset = layout_->buffer_size,
               .trainable = false,
               .initializer = constant(value)});
    layout_->buffer_size += shape.size();
  }
  void operator()(std::string_view name, const ModuleBase& child) override {
    const std::string path = checked_path(name);
    const std::size_t parent = std::exchange(current_, layout_->layers.size());
    layout_->layers[parent].child_names.emplace_back(name);
    layout_->layers[parent].children.push_back(current_);
    layout_->layers.emplace_back(path, child.type());
    child.declare(*this);
    current_ = parent;
  }

  void tie(std::string_view later, std::string_view first) override {
    const std::string from = absolute(later), to = absolute(first);
    const bool layers = std::any_of(layout_->layers.begin(), layout_->layers.end(),
                                    [&](const Layout::Layer& l) { return l.path == from; });
    std::vector<std::string> rests;  // the parts of names behind `later` and `first`
    if (!layers) rests.emplace_back();
    for (const auto* infos : {&layout_->parameters, &layout_->buffers})
      for (const ParameterInfo& info : *infos)
        if (layers && info.name.starts_with(from + ".")) rests.push_back(info.name.substr(from.size()));
    for (const std::string& rest : rests) merge(from + rest, to + rest);
    layout_->ties.emplace_back(from, to);
  }

 private:
  Layout::Layer& layer() { return layout_->layers[current_]; }

  std::string absolute(std::string_view name) { return path_of(layer(), name); }

  // Makes one array of two: the later one is no longer listed, and its layer refers to the first one.
  void merge(const std::string& later, const std::string& first) {
    const auto find = [&](std::vector<ParameterInfo>& infos, const std::string& name) {
      const std::string_view listed = layout_->listed(name);
      return std::find_if(infos.begin(), infos.end(), [&](const auto& info) { return info.name == listed; });
    };
    bool trained = true;
    if (find(layout_->parameters, later) == layout_->parameters.end()) trained = false;
    std::vector<ParameterInfo>& infos = trained ? layout_->parameters : layout_->buffers;
    const auto from = find(infos, later), to = find(infos, first);
    const auto fail = [&](const std::string& why) {
      throw parameter_error("[tie] '" + later + "' to '" + first + "': " + why);
    };
    if (from == infos.end() || to == infos.end()) fail("there is no '" + (from == infos.end() ? later : first) + "'.");
    if (from == to) return;
    if (!(from->shape == to->shape)) fail("shapes " + to_string(from->shape) + " and " + to_string(to->shape) + ".");
    if (from < to) fail("the second is declared after the first. Exchange them.");
    const auto gone = static_cast<std::size_t>(from - infos.begin()),
               kept = static_cast<std::size_t>(to - infos.begin());
    for (Layout::Layer& l : layout_->layers)
      for (std::size_t& index : trained ? l.parameters : l.buffers)
        index = index == gone ? kept : index - (index > gone ? 1 : 0);
    for (auto& alias : layout_->aliases)
      if (alias.second == from->name) alias.second = to->name;
    layout_->aliases.emplace_back(from->name, to->name);
    infos.erase(from);
    std::size_t& size = trained ? layout_->parameter_size : layout_->buffer_size;
    size = 0;
    for (ParameterInfo& info : infos) info.offset = std::exchange(size, size + info.shape.size());
  }

  std::string checked_path(std::string_view name) {
    const Layout::Layer& here = layer();
    if (name.empty() || name.find('.') != std::string_view::npos)
      throw parameter_error("[declare] the name '" + std::string(name) + "' " + in_layer(here.path, here.type) +
                            ". A name is not empty and has no dot.");
    for (const auto* names : {&here.parameter_names, &here.buffer_names, &here.child_names})
      if (std::find(names->begin(), names->end(), name) != names->end())
        throw parameter_error("[declare] the name '" + path_of(here, name) + "' is used twice " +
                              in_layer(here.path, here.type) + ".");
    return path_of(here, name);
  }

  void add(std::string_view name, ParameterInfo info) {
    info.name = checked_path(name);
    auto& infos = info.trainable ? layout_->parameters : layout_->buffers;
    (info.trainable ? layer().parameter_names : layer().buffer_names).emplace_back(name);
    (info.trainable ? layer().parameters : layer().buffers).push_back(infos.size());
    infos.push_back(std::move(info));
  }

  std::shared_ptr<Layout> layout_;
  std::size_t current_ = 0;
};

// Walks a network along an existing layout and refuses the first difference. It allocates no memory.
class LayoutChecker : public Declaration {
 public:
  LayoutChecker(const ModuleBase& network, const Layout& layout) : network_(network), layout_(layout) {
    if (layout_.layers.empty()) fail("are empty. Use init of this network");
    walk(network, 0);
    if (seen_.layer + 1 != layout_.layers.size() || seen_.tie != layout_.ties.size()) fail_more();
  }
  void operator()(std::string_view name, const Shape& shape, const Initializer&) override {
    check(layout_.parameters, layer().parameters, layer().parameter_names, here_.parameter++, name, shape);
  }
  void buffer(std::string_view name, const Shape& shape, double) override {
    check(layout_.buffers, layer().buffers, layer().buffer_names, here_.buffer++, name, shape);
  }
  void operator()(std::string_view name, const ModuleBase& child) override {
    const std::size_t index = here_.child++;
    if (index >= layer().children.size() || layer().child_names[index] != name)
      fail("have no layer '" + absolute(name) + "' where the network has it");
    walk(child, ++seen_.layer);
  }
  void tie(std::string_view later, std::string_view first) override {
    if (seen_.tie >= layout_.ties.size() || !layout_.ties[seen_.tie].first.ends_with(later) ||
        !layout_.ties[seen_.tie].second.ends_with(first))
      fail("do not tie '" + absolute(later) + "' to '" + absolute(first) + "' as the network does");
    ++seen_.tie;
  }

 private:
  struct Place {  // how much of one layer has been met
    std::size_t layer = 0, parameter = 0, buffer = 0, child = 0;
  };
  const Layout::Layer& layer() const { return layout_.layers[here_.layer]; }
  std::string absolute(std::string_view name) const { return path_of(layer(), name); }

  void walk(const ModuleBase& module, std::size_t index) {
    const Place outer = std::exchange(here_, Place{index});
    module.declare(*this);
    if (here_.parameter != layer().parameters.size() || here_.buffer != layer().buffers.size() ||
        here_.child != layer().children.size())
      fail_more();
    here_ = outer;
  }
  void check(const std::vector<ParameterInfo>& infos, const std::vector<std::size_t>& own,
             const std::vector<std::string>& names, std::size_t at, std::string_view name, const Shape& shape) {
    const bool there = at < own.size();
    if (there && names[at] == name && infos[own[at]].shape == shape) return;
    fail("have " +
         (there ? "'" + infos[own[at]].name + "' " + to_string(infos[own[at]].shape) : std::string("nothing")) +
         " where the network has '" + absolute(name) + "' " + to_string(shape));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw parameter_error("[" + network_.type() + "] the parameters are not of this network: they " + what + ".");
  }
  [[noreturn]] void fail_more() const { fail("have more layers, arrays or ties than the network"); }

  const ModuleBase& network_;
  const Layout& layout_;
  Place here_;
  struct {
    std::size_t layer = 0, tie = 0;
  } seen_;
};

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

std::size_t find_name(const std::vector<std::string>& names, std::string_view name, const char* what,
                      const Layout::Layer& layer) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  throw parameter_error(std::string("[scope] no ") + what + " '" + path_of(layer, name) + "' " +
                        in_layer(layer.path, layer.type) + ". Declared: " + join(names) + ".");
}

template <class T>
std::vector<Var<T>> constants(const Parameters<T>& params) {
  std::vector<Var<T>> out;
  for (std::size_t i = 0; i < params.count(); ++i) out.emplace_back(params.slice(i));
  return out;
}

}  // namespace

template <class T>
const Var<T>& Scope<T>::operator()(std::string_view name) const {
  return run_->parameters[layer_->parameters[find_name(layer_->parameter_names, name, "parameter", *layer_)]];
}

template <class T>
Var<T> Scope<T>::buffer(std::string_view name) const {
  const ParameterInfo& info = buffer_info(name);
  return Var<T>(run_->buffers.flat_slice(info.offset, info.shape));
}

template <class T>
void Scope<T>::set_buffer(std::string_view name, const Array<T>& value) const {
  const ParameterInfo& info = buffer_info(name);
  if (!(value.shape() == info.shape))
    throw shape_error("[scope] buffer '" + info.name + "' has shape " + to_string(info.shape) + ", got " +
                      to_string(value.shape()) + ".");
  std::copy_n(value.data(), value.size(), run_->buffers.mutable_data() + info.offset);
}

template <class T>
RandomStream Scope<T>::random() const {
  const auto layer = static_cast<std::size_t>(layer_ - run_->layout.layers.data());
  return {run_->context.seed, stream_of(layer_->path) + run_->draws[layer]++};
}

template <class T>
const ParameterInfo& Scope<T>::buffer_info(std::string_view name) const {
  return run_->layout.buffers[layer_->buffers[find_name(layer_->buffer_names, name, "buffer", *layer_)]];
}

template <class T>
Scope<T> Scope<T>::operator[](std::string_view name) const {
  return Scope(*run_, layer_->children[find_name(layer_->child_names, name, "child", *layer_)]);
}

template <class T>
Scope<T> Scope<T>::child(std::size_t index) const {
  if (index >= layer_->children.size())
    throw parameter_error("[scope] no child number " + std::to_string(index) + " " +
                          in_layer(layer_->path, layer_->type) + ". Declared: " + join(layer_->child_names) + ".");
  return Scope(*run_, layer_->children[index]);
}

std::string ModuleBase::type() const {
  int status = 0;
  char* demangled = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  const std::string full = status == 0 ? demangled : typeid(*this).name();
  std::free(demangled);
  const std::string_view plain = std::string_view(full).substr(0, full.find('<'));
  const std::size_t colon = plain.rfind("::");
  return std::string(colon == std::string_view::npos ? plain : plain.substr(colon + 2));
}

std::shared_ptr<const Layout> ModuleBase::layout() const { return LayoutBuilder(*this).layout(); }

template <Scalar T>
Parameters<T> ModuleBase::init(std::uint64_t seed) const {
  std::shared_ptr<const Layout> made = layout();
  if (made->parameters.empty())
    throw parameter_error("[init] the network " + type() +
                          " has no parameters. A layer counts when children() names it.");
  return draw_parameters<T>(std::move(made), seed);
}

template <class T>
Var<T> ModuleBase::operator()(Scope<T> p, const Var<T>& x) const {
  const auto& parameters = p.run().parameters;
  Record<T>* record = record_of(x);
  if (!record && !parameters.empty()) record = record_of(parameters.front());
  const PlaceName place(record, [&] { return layer_name(p.path(), p.type()); });
  try {
    Var<T> y = run(p, x);
    if (const LayerObserver<T>* observer = p.run().observer) (*observer)(p.path(), p.type(), y.value());
    return y;
  } catch (const located_shape_error&) {
    throw;
  } catch (const shape_error& e) {
    throw located_shape_error(std::string(e.what()) + " This is " + in_layer(p.path(), p.type()) + ".");
  }
}

template <class T>
Var<T> ModuleBase::run_all(const Parameters<T>& params, Vars<T> parameters, const Var<T>& x, Context context,
                           const LayerObserver<T>* observer, Array<T>& buffers) const {
  LayoutChecker(*this, params.layout());
  if (parameters.size() != params.count())
    throw parameter_error("[" + type() + "] " + std::to_string(parameters.size()) + " arrays given, the network has " +
                          std::to_string(params.count()) + ".");
  if (!x.defined()) throw shape_error("[" + type() + "] the input is undefined.");
  std::vector<std::uint64_t> draws(params.layout().layers.size(), 0);
  const Run<T> run{params.layout(), parameters, buffers, draws, context, observer};
  return (*this)(Scope<T>(run, 0), x);
}

template <class T>
Var<T> ModuleBase::apply(const Parameters<T>& params, VarListOf<T> parameters, const Var<T>& x, Context context) const {
  Array<T> buffers = params.buffers();
  return run_all<T>(params, parameters, x, context, nullptr, buffers);
}

template <class T>
Array<T> ModuleBase::operator()(const Parameters<T>& params, const Array<T>& x, Context context) const {
  return apply<T>(params, constants(params), batched(x), context).value();
}

template <class T>
void ModuleBase::observe(const Parameters<T>& params, const Array<T>& x, const LayerObserver<T>& observer,
                         Context context) const {
  Array<T> buffers = params.buffers();
  run_all<T>(params, constants(params), batched(x), context, &observer, buffers);
}

template <class T>
Recording<T> ModuleBase::record(Tape<T>& tape, const Parameters<T>& params, const Var<T>& x, Context context) const {
  Recording<T> out;
  for (std::size_t i = 0; i < params.count(); ++i) out.parameters.push_back(tape.variable(params.slice(i)));
  out.buffers = params.buffers();
  out.output = run_all<T>(params, out.parameters, x, context, nullptr, out.buffers);
  return out;
}

template class Scope<float>;
template class Scope<double>;

#define XTANGENT_INSTANTIATE(T)                                                                                       \
  template Parameters<T> ModuleBase::init(std::uint64_t) const;                                                       \
  template Var<T> ModuleBase::operator()(Scope<T>, const Var<T>&) const;                                              \
  template Var<T> ModuleBase::run_all(const Parameters<T>&, Vars<T>, const Var<T>&, Context, const LayerObserver<T>*, \
                                      Array<T>&) const;                                                               \
  template Var<T> ModuleBase::apply(const Parameters<T>&, VarList<T>, const Var<T>&, Context) const;                  \
  template Array<T> ModuleBase::operator()(const Parameters<T>&, const Array<T>&, Context) const;                     \
  template void ModuleBase::observe(const Parameters<T>&, const Array<T>&, const LayerObserver<T>&, Context) const;   \
  template Recording<T> ModuleBase::record(Tape<T>&, const Parameters<T>&, const Var<T>&, Context) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
