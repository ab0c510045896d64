#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What Python's pickle holds, as far as torch.save writes it for dictionaries of arrays: numbers, text, tuples, lists,
/// dictionaries, and calls of functions with their arguments. Nothing is called: a call is a value like any other.
namespace xtangent::nn::exported {

struct Pickled;
using PickledList = std::vector<Pickled>;
using PickledDictionary = std::vector<std::pair<Pickled, Pickled>>;

/// A function or a class by its name: "torch._utils._rebuild_tensor_v2".
struct PickledName {
  std::string name;
};
/// A function with its arguments. What is set in the object that it makes stands in `items`.
struct PickledCall {
  std::string function;
  PickledList arguments;
  PickledDictionary items;
};
/// What the file that holds the pickle has outside of it, such as ("storage", FloatStorage, "0", "cpu", 12).
struct PickledReference {
  PickledList arguments;
};

struct Pickled {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickledName, std::shared_ptr<PickledList>,
               std::shared_ptr<PickledDictionary>, std::shared_ptr<PickledCall>, std::shared_ptr<PickledReference>>
      what;

  /// Throw data_error where it is something else.
  std::int64_t integer() const;
  const std::string& text() const;
  const PickledList& list() const;
  const PickledCall& call() const;
};

/// Parses a pickle of protocol 2 to 4. Throws data_error naming the byte for what is damaged, and for what torch.save
/// does not write.
Pickled parse_pickle(const std::vector<std::uint8_t>& bytes);

}  // namespace xtangent::nn::exported
