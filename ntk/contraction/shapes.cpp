#include "ntk/contraction/shapes.hpp"

#include <algorithm>
#include <utility>

#include "autodiff/kernels/layout.hpp"

namespace xtangent::ntk {
namespace {

// Convolutions keep their images, and patches are made where they are needed. Dense gradients have no positions.
bool can_join(const UseShape& use) { return use.kind != FactorKind::dense && !use.patches; }

bool alike(const UseShape& a, const UseShape& b) {
  if (!can_join(a) || !can_join(b)) return false;
  const bool same_kind = a.kind == b.kind || (a.is_product() && b.is_product());
  return same_kind && a.left == b.left && a.right == b.right && a.channels_first == b.channels_first &&
         a.transposed == b.transposed;
}

// Copies `runs` runs of `length` numbers from each of the arrays. Within a run the arrays follow one another.
template <class T>
Array<T> side_by_side(const std::vector<const Array<T>*>& arrays, std::size_t runs, const Shape& shape) {
  Array<T> out(shape);
  const std::size_t whole = out.size() / runs;
  std::size_t at = 0;
  for (const Array<T>* a : arrays) {
    const std::size_t length = a->size() / runs;
    kernels::copy_runs(runs, length, a->data(), length, out.mutable_data() + at, whole);
    at += length;
  }
  return out;
}

template <class T>
Factor<T> join(const std::vector<const Factor<T>*>& uses) {
  Factor<T> out = *uses.front();
  if (uses.size() == 1) return out;
  if (out.kind == FactorKind::outer) out.kind = FactorKind::outer_sum;
  out.same_left = false;
  out.positions = 0;
  std::vector<const Array<T>*> left, right;
  for (const Factor<T>* use : uses) {
    out.positions += use->positions;
    left.push_back(&use->left);
    right.push_back(&use->right);
  }
  const std::size_t k = out.probes, n = out.examples, d = out.positions, c = uses.front()->left_size();
  if (n == 0) return out;
  out.left = out.channels_first ? side_by_side(left, k * n * c, Shape{k, n, c, d})
                                : side_by_side(left, k * n, Shape{k, n, d, c});
  if (!out.right.defined()) return out;
  if (out.kind == FactorKind::diag)
    out.right =
        out.channels_first ? side_by_side(right, n * c, Shape{n, c, d}) : side_by_side(right, n, Shape{n, d, c});
  else if (out.kind == FactorKind::gather)
    out.right = side_by_side(right, n, Shape{n, d});
  else
    out.right = side_by_side(right, n, Shape{n, d, uses.front()->right_size()});
  return out;
}

}  // namespace

std::vector<std::size_t> parts_of(std::span<const UseShape> uses) {
  std::vector<std::size_t> out, first;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const auto found = std::find_if(first.begin(), first.end(), [&](std::size_t j) { return alike(uses[j], uses[i]); });
    out.push_back(static_cast<std::size_t>(found - first.begin()));
    if (found == first.end()) first.push_back(i);
  }
  return out;
}

Term::Term(std::span<const UseShape> shapes) : uses(shapes.size()) {
  const std::vector<std::size_t> part = parts_of(shapes);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (part[i] == parts.size()) {
      parts.push_back(shapes[i]);
      continue;
    }
    UseShape& whole = parts[part[i]];
    if (whole.kind == FactorKind::outer) whole.kind = FactorKind::outer_sum;
    whole.positions += shapes[i].positions;
  }
  if (uses > 1)
    for (UseShape& part_shape : parts) part_shape.same_left = false;
}

std::size_t Term::positions() const {
  std::size_t sum = 0;
  for (const UseShape& part : parts) sum += part.positions;
  return sum;
}

template <class T>
std::vector<Factor<T>> joined(std::vector<Factor<T>> uses) {
  std::vector<UseShape> shapes;
  for (const Factor<T>& use : uses) shapes.push_back(use.shape());
  const std::vector<std::size_t> part = parts_of(shapes);
  std::vector<std::vector<const Factor<T>*>> members;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (part[i] == members.size()) members.emplace_back();
    members[part[i]].push_back(&uses[i]);
  }
  std::vector<Factor<T>> out;
  for (const auto& some : members) out.push_back(join(some));
  return out;
}

template std::vector<Factor<float>> joined(std::vector<Factor<float>>);
template std::vector<Factor<double>> joined(std::vector<Factor<double>>);

}  // namespace xtangent::ntk
