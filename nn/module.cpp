#include "nn/module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>

namespace xtangent::nn {
namespace {

// A shape_error that already names its layer.
struct located_shape_error : shape_error {
  using shape_error::shape_error;
};

std::string in_layer(const std::string& path, const std::string& type) {
  return path.empty() ? "in the network (" + type + ")" : "in layer '" + path + "' (" + type + ")";
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

 private:
  Layout::Layer& layer() { return layout_->layers[current_]; }

  std::string checked_path(std::string_view name) {
    const Layout::Layer& here = layer();
    if (name.empty() || name.find('.') != std::string_view::npos)
      throw parameter_error("[declare] the name '" + std::string(name) + "' " + in_layer(here.path, here.type) +
                            ". A name is not empty and has no dot.");
    for (const auto* names : {&here.parameter_names, &here.buffer_names, &here.child_names})
      if (std::find(names->begin(), names->end(), name) != names->end())
        throw parameter_error("[declare] the name '" + std::string(name) + "' is used twice " +
                              in_layer(here.path, here.type) + ".");
    return here.path.empty() ? std::string(name) : here.path + "." + std::string(name);
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

// Walks a network along an existing layout and refuses the first difference. Allocates nothing.
class LayoutChecker : public Declaration {
 public:
  LayoutChecker(const ModuleBase& network, const Layout& layout) : network_(network), layout_(layout) {
    if (layout_.layers.empty()) fail("are empty. Use init of this network");
    network.declare(*this);
    if (layer_ + 1 != layout_.layers.size() || parameter_ != layout_.parameters.size() ||
        buffer_ != layout_.buffers.size())
      fail("have more layers or arrays than the network");
  }
  void operator()(std::string_view name, const Shape& shape, const Initializer&) override {
    check(layout_.parameters, parameter_++, name, shape);
  }
  void buffer(std::string_view name, const Shape& shape, double) override {
    check(layout_.buffers, buffer_++, name, shape);
  }
  void operator()(std::string_view name, const ModuleBase& child) override {
    if (++layer_ >= layout_.layers.size() || !ends_with(layout_.layers[layer_].path, name))
      fail("have no layer '" + std::string(name) + "' where the network has it");
    child.declare(*this);
  }

 private:
  static bool ends_with(const std::string& path, std::string_view name) {
    return path.ends_with(name) && (path.size() == name.size() || path[path.size() - name.size() - 1] == '.');
  }
  void check(const std::vector<ParameterInfo>& infos, std::size_t index, std::string_view name, const Shape& shape) {
    if (index < infos.size() && ends_with(infos[index].name, name) && infos[index].shape == shape) return;
    fail("have " +
         (index < infos.size() ? "'" + infos[index].name + "' " + to_string(infos[index].shape)
                               : std::string("nothing")) +
         " where the network has '" + std::string(name) + "' " + to_string(shape));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw parameter_error("[" + network_.type() + "] the parameters are not of this network: they " + what + ".");
  }

  const ModuleBase& network_;
  const Layout& layout_;
  std::size_t layer_ = 0, parameter_ = 0, buffer_ = 0;
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
  throw parameter_error(std::string("[scope] no ") + what + " '" + std::string(name) + "' " +
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

template <class T>
Parameters<T> ModuleBase::init(std::uint64_t seed) const {
  std::shared_ptr<const Layout> made = layout();
  if (made->parameters.empty())
    throw parameter_error("[init] the network " + type() +
                          " has no parameters. Layers with parameters are named in children().");
  return draw_parameters<T>(std::move(made), seed);
}

template <class T>
Var<T> ModuleBase::operator()(Scope<T> p, const Var<T>& x) const {
  try {
    Var<T> y = run(p, x);
    if (const LayerObserver<T>* observer = p.run().observer) (*observer)(p.path(), type(), y.value());
    return y;
  } catch (const located_shape_error&) {
    throw;
  } catch (const shape_error& e) {
    throw located_shape_error(std::string(e.what()) + " This is " + in_layer(p.path(), type()) + ".");
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
  const Run<T> run{params.layout(), parameters, buffers, context, observer};
  return (*this)(Scope<T>(run, 0), x);
}

template <class T>
Var<T> ModuleBase::apply(const Parameters<T>& params, Vars<T> parameters, const Var<T>& x, Context context) const {
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

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template Parameters<T> ModuleBase::init(std::uint64_t) const;                                                     \
  template Var<T> ModuleBase::operator()(Scope<T>, const Var<T>&) const;                                            \
  template Var<T> ModuleBase::apply(const Parameters<T>&, Vars<T>, const Var<T>&, Context) const;                   \
  template Array<T> ModuleBase::operator()(const Parameters<T>&, const Array<T>&, Context) const;                   \
  template void ModuleBase::observe(const Parameters<T>&, const Array<T>&, const LayerObserver<T>&, Context) const; \
  template Recording<T> ModuleBase::record(Tape<T>&, const Parameters<T>&, const Var<T>&, Context) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
