#include "autodiff/moved_examples.hpp"

#include <algorithm>

#include "autodiff/ops/indexing.hpp"

namespace xtangent {

Shape front_shape(Shape shape, const Place& place, std::size_t n) {
  if (place.back <= shape.rank()) shape[shape.rank() - place.back] = place.before * place.behind;
  return shape.prepended(n);
}

std::optional<Place> common_place(std::span<const Placed> x) {
  Place place;
  for (const Placed& v : x) {
    if (v.examples.back == 0) continue;
    if (place.back > 0 && !(place == v.examples)) return std::nullopt;
    place = v.examples;
  }
  for (const Placed& v : x)
    if (v.examples.back == 0 && v.shape.rank() >= place.back && v.shape.from_right(place.back) != 1)
      return std::nullopt;
  return place;
}

std::optional<Place> place_beside(const Placed& x, std::size_t back) {
  if (x.examples.back == back) return std::nullopt;
  return x.examples;
}

namespace {

template <class T>
Var<T> shaped(const Var<T>& x, const Shape& shape) {
  return x.shape() == shape ? x : reshape(x, shape);
}

}  // namespace

template <class T>
std::optional<Var<T>> apply_in_front(const std::shared_ptr<const Op<T>>& op, Vars<T> x) {
  std::vector<Spec> specs;
  std::vector<Placed> placed;
  std::optional<std::size_t> n;
  std::size_t rank = 0;
  bool any_moved = false;
  for (const Var<T>& v : x) {
    any_moved = any_moved || v.moved();
    specs.push_back(v.spec());
    rank = std::max(rank, v.rank());
    if (v.examples() == Examples::none) {
      placed.push_back({v.shape(), {}});
      continue;
    }
    if (v.examples() == Examples::mixed && !v.moved()) return std::nullopt;
    const std::size_t count = v.moved() ? v.moved()->front.shape().front() : v.shape().front();
    placed.push_back({v.shape(), v.moved() ? v.moved()->place : Place{v.rank()}});
    if (n && *n != count) return std::nullopt;
    n = count;
  }
  const Spec result = op->infer(specs);
  rank = std::max(rank, result.shape.rank());
  if (!n || rank == Shape::max_rank) return std::nullopt;
  const bool alone = *n == 1;  // which of several axes of one entry is that of the examples cannot be told
  if (result.examples == Examples::axis0 && !(alone && any_moved)) return std::nullopt;
  if (alone)
    for (Placed& v : placed)
      if (v.examples.back > 0) v.examples = {rank + 1};
  std::optional<Place> place = alone && op->moves_examples() ? Place{rank + 1} : op->place(placed, *n);
  if (!place) return std::nullopt;
  if (alone) place = Place{result.shape.rank() + 1};
  std::vector<Var<T>> front;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (placed[i].examples.back == 0) {
      front.push_back(x[i]);
      continue;
    }
    const Var<T> first = x[i].moved() ? x[i].moved()->front : x[i];
    Shape shape = front_shape(x[i].shape(), placed[i].examples, *n);
    if (!op->moves_examples()) {  // axes that broadcast stand behind the examples
      Shape wide{*n};
      for (std::size_t axis = shape.rank(); axis <= rank; ++axis) wide.push_back(1);
      shape = wide.joined(shape.slice(1, shape.rank()));
    }
    front.push_back(shaped(first, shape));
  }
  const std::shared_ptr<const Op<T>> other = op->in_front(placed, *n);
  const Var<T> y = apply<T>(other ? other : op, front);
  if (*place == Place{result.shape.rank()}) return shaped(y, result.shape);
  const Var<T> first = shaped(y, front_shape(result.shape, *place, *n));
  if (alone) {
    const Var<T> one[] = {first};
    return apply_here<T>(reshape_op<T>(result.shape), one, true).with_moved({first, *place});
  }
  if (op->moves_examples()) return apply_here(op, x, true).with_moved({first, *place});
  const std::size_t axis = result.shape.rank() - place->back;
  const std::size_t before = result.shape.slice(0, axis).size() * place->before;
  if (before == 1) return reshape(y, result.shape).with_moved({first, *place});
  const std::size_t behind = result.shape.slice(axis + 1, result.shape.rank()).size() * place->behind;
  const Var<T> back = transpose(reshape(y, {*n, before, behind}), {1, 0, 2});
  return reshape(back, result.shape).with_moved({first, *place});
}

template std::optional<Var<float>> apply_in_front(const std::shared_ptr<const Op<float>>&, Vars<float>);
template std::optional<Var<double>> apply_in_front(const std::shared_ptr<const Op<double>>&, Vars<double>);

}  // namespace xtangent
