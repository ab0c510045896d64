#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"
#include "nn/initialize.hpp"

/// The parameters of a network: one flat array with named slices.
namespace xtangent::nn {

/// One named array of a network.
struct ParameterInfo {
  std::string name;  ///< "layer1.0.weight"
  Shape shape;
  std::size_t offset = 0;  ///< index of its first element in the flat array
  bool trainable = true;   ///< false for buffers, which have a flat array of their own
  Initializer initializer;
};

/// The names and shapes of all arrays of a network, in the order of PyTorch's state_dict: the arrays of a layer itself
/// come before those of its children. `init` makes it once, and all Parameters of the network share it. An array that
/// is used in several places is listed once, under its first name.
struct Layout {
  struct Layer {
    Layer(std::string path_, std::string type_) : path(std::move(path_)), type(std::move(type_)) {}
    std::string path;                                                     ///< "layer1.0"; empty for the network itself
    std::string type;                                                     ///< "Linear"
    std::vector<std::string> parameter_names, buffer_names, child_names;  ///< local names
    std::vector<std::size_t> parameters, buffers, children;               ///< indices into the vectors below
  };
  std::vector<Layer> layers;  ///< in preorder; layers[0] is the network
  std::vector<ParameterInfo> parameters;
  std::vector<ParameterInfo> buffers;
  /// The pairs (later, first) of paths that were tied; both are paths of arrays, or both of layers.
  std::vector<std::pair<std::string, std::string>> ties;
  /// The other names of arrays that are used in several places: (other name, name).
  std::vector<std::pair<std::string, std::string>> aliases;
  std::size_t parameter_size = 0;  ///< elements
  std::size_t buffer_size = 0;

  /// The name under which the array `name` is listed, which is another one for an array that is tied.
  std::string_view listed(std::string_view name) const;
};

/// All parameters of a network: one flat array with named slices, in the order and with the names and layouts of
/// PyTorch. Copies share the array until one of them is written to, so an update never changes what a tape has seen.
template <Scalar T>
class Parameters {
 public:
  struct Entry {
    const ParameterInfo& info;
    Array<T> value;
  };
  class Iterator {
   public:
    Iterator(const Parameters* owner, std::size_t index) : owner_(owner), index_(index) {}
    Entry operator*() const { return {owner_->infos()[index_], owner_->slice(index_)}; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Parameters* owner_;
    std::size_t index_;
  };

  /// The parameters of no network.
  Parameters();
  /// Throws shape_error when the arrays do not have the sizes of the layout.
  Parameters(std::shared_ptr<const Layout> layout, Array<T> flat, Array<T> buffers);

  /// The number of trainable elements, P.
  std::size_t size() const { return layout_->parameter_size; }
  /// The number of trainable arrays.
  std::size_t count() const { return layout_->parameters.size(); }
  /// The trainable arrays, in order: Module::record returns its Vars in this order.
  const std::vector<ParameterInfo>& infos() const { return layout_->parameters; }
  const std::vector<ParameterInfo>& buffer_infos() const { return layout_->buffers; }
  const Layout& layout() const { return *layout_; }

  /// The array with this name, which may be a buffer, without a copy. Throws parameter_error listing names that are
  /// similar.
  Array<T> operator[](std::string_view name) const;
  /// Trainable array number `index`, without a copy. Throws parameter_error when the index is out of range.
  Array<T> slice(std::size_t index) const;
  bool contains(std::string_view name) const;
  /// Replaces one array. Throws parameter_error for an unknown name, shape_error for another shape.
  void set(std::string_view name, const Array<T>& value);
  /// Iteration over the trainable arrays as entries {info, value}.
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, count()}; }

  /// (size(),): all trainable elements.
  const Array<T>& flat() const { return flat_; }
  /// Throws shape_error unless the array has size() elements.
  void set_flat(Array<T> flat);
  /// All trainable elements, for writing; copies them first when the array is shared.
  T* mutable_data() { return flat_.mutable_data(); }
  /// All elements that are not trained, as one flat array.
  const Array<T>& buffers() const { return buffers_; }
  void set_buffers(Array<T> buffers);

  /// The same parameters in another precision.
  template <class U>
  Parameters<U> cast() const;

 private:
  std::shared_ptr<const Layout> layout_;
  Array<T> flat_, buffers_;
};

/// Draws initial values. The array `name` is drawn from stream `name` of the seed, so it does not depend on other
/// layers.
template <class T>
Parameters<T> draw_parameters(std::shared_ptr<const Layout> layout, std::uint64_t seed);

/// A part of messages: "'wieght'. Near: weight." with up to three of `names` that are similar to `name`, or else with
/// the first ones.
std::string near_names(std::string_view name, const std::vector<std::string>& names);

}  // namespace xtangent::nn
