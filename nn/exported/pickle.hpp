#pragma once

#include <cstdint>
#include <deque>
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
struct PickledCall;
struct PickledReference;

/// A function or a class by its name: "torch._utils._rebuild_tensor_v2".
struct PickledName {
  const std::string* name;
};

/// A value. What it points to belongs to the Pickle, which may hold it in several places.
struct Pickled {
  std::variant<std::monostate, bool, std::int64_t, double, const std::string*, PickledName, PickledList*,
               PickledDictionary*, PickledCall*, PickledReference*>
      what;

  /// Throw data_error where it is something else.
  std::int64_t integer() const;
  const std::string& text() const;
  const PickledList& list() const;
  const PickledCall& call() const;
};

/// A function with its arguments. What is set in the object that it makes stands in `items`.
struct PickledCall {
  const std::string* function;
  const PickledList* arguments;
  PickledDictionary items;
};
/// What the file that holds the pickle has outside of it, such as ("storage", FloatStorage, "0", "cpu", 12).
struct PickledReference {
  const PickledList* arguments;
};

/// A pickle of protocol 2 to 4. It owns all values, however deep they are nested, and also if one contains itself.
class Pickle {
 public:
  /// Throws data_error naming the byte for what is damaged, and for what torch.save does not write. Cost and memory:
  /// one pass over the bytes.
  explicit Pickle(const std::vector<std::uint8_t>& bytes);
  Pickle(const Pickle&) = delete;

  /// The whole.
  const Pickled& value() const { return value_; }

 private:
  friend class PickleMachine;
  Pickled value_;
  std::deque<std::string> texts_;
  std::deque<PickledList> lists_;
  std::deque<PickledDictionary> dictionaries_;
  std::deque<PickledCall> calls_;
  std::deque<PickledReference> references_;
};

}  // namespace xtangent::nn::exported
