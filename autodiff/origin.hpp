#pragma once

#include <memory>
#include <string>
#include <utility>

#include "autodiff/tape.hpp"

/// Where what is recorded comes from, for messages: the function that a user called and the layer that ran.
namespace xtangent {

/// The tape that x stands on, under any tangents of streaming forward mode; null for a constant.
template <class T>
Record<T>* record_of(const Var<T>& x) {
  const Var<T>* under = &x;
  while (under->dual()) under = &under->dual()->primal;
  return under->record().get();
}

/// While it lives, what is recorded beside the given Vars goes by the name of a function that is made of several ops:
///
///     const FunctionName name("mean", x);
///     return sum_to(x, shape) / count;
///
/// The outermost name counts.
template <class T>
class FunctionName {
 public:
  template <class... V>
  explicit FunctionName(const char* name, const Var<T>& x, const V&... others) {
    for (Record<T>* record : {record_of(x), record_of(others)...})
      if (record && !record_) record_ = record;
    if (record_ && record_->origin.function) record_ = nullptr;
    if (record_) record_->origin.function = name;
  }
  ~FunctionName() {
    if (record_) record_->origin.function = nullptr;
  }
  FunctionName(const FunctionName&) = delete;
  FunctionName& operator=(const FunctionName&) = delete;

 private:
  Record<T>* record_ = nullptr;
};

/// While it lives, what is recorded on a tape (or nothing, for null) counts as a part of `place`, such as
/// "layer 'encoder.norm1' (LayerNorm)". The innermost place counts.
template <class T>
class PlaceName {
 public:
  template <class Text>
  PlaceName(Record<T>* record, const Text& place) : record_(record) {
    if (record_) outer_ = std::exchange(record_->origin.place, std::make_shared<const std::string>(place()));
  }
  ~PlaceName() {
    if (record_) record_->origin.place = std::move(outer_);
  }
  PlaceName(const PlaceName&) = delete;
  PlaceName& operator=(const PlaceName&) = delete;

 private:
  Record<T>* record_;
  std::shared_ptr<const std::string> outer_;
};

/// "[mean] mixes examples in layer 'norm' (LayerNorm): arguments ..., result .... hint" for a node whose result
/// combines examples: of the first op before it, or itself, that did so.
template <class T>
std::string mixing_message(const Record<T>& record, std::size_t node);

}  // namespace xtangent
