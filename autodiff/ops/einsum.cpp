#include "autodiff/ops/einsum.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

[[noreturn]] void refuse(const std::string& spec, const std::string& what) {
  throw shape_error("[einsum] \"" + spec + "\": " + what);
}

struct Parsed {
  std::vector<std::string> operands;
  std::string result;
};

Parsed parse(const std::string& spec) {
  std::string text;
  for (const char c : spec)
    if (c != ' ') text += c;
  const std::size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  Parsed out;
  out.operands.emplace_back();
  std::map<char, std::size_t> count;
  for (const char c : left) {
    if (c == ',') {
      out.operands.emplace_back();
      continue;
    }
    if (!std::isalpha(static_cast<unsigned char>(c)))
      refuse(spec, std::string("'") + c + "' is not a letter. Write it like \"nij,jk->nik\".");
    out.operands.back() += c;
    ++count[c];
  }
  if (arrow == std::string::npos) {
    for (const auto& [letter, times] : count)
      if (times == 1) out.result += letter;
    return out;
  }
  out.result = text.substr(arrow + 2);
  for (std::size_t i = 0; i < out.result.size(); ++i) {
    if (count.find(out.result[i]) == count.end())
      refuse(spec, std::string("'") + out.result[i] + "' of the result is in no operand.");
    if (out.result.find(out.result[i], i + 1) != std::string::npos)
      refuse(spec, std::string("'") + out.result[i] + "' is twice in the result.");
  }
  return out;
}

// A value whose axes have letters.
template <class T>
struct Lettered {
  Var<T> value;
  std::string letters;

  std::size_t extent(char letter) const { return value.shape()[letters.find(letter)]; }
  Shape extents(const std::string& of) const {
    Shape out;
    for (const char letter : of) out.push_back(extent(letter));
    return out;
  }
  // The axes in this order.
  Var<T> ordered(const std::string& as) const {
    if (as == letters) return value;
    std::vector<std::size_t> order;
    for (const char letter : as) order.push_back(letters.find(letter));
    return transpose(value, order);
  }
  // With the sum over all letters that are not kept.
  Lettered summed(const std::string& kept) const {
    std::vector<long> axes;
    std::string rest;
    for (std::size_t a = 0; a < letters.size(); ++a)
      if (has(kept, letters[a]))
        rest += letters[a];
      else
        axes.push_back(static_cast<long>(a));
    return axes.empty() ? *this : Lettered{sum(value, axes), rest};
  }
};

// The product, summed over the letters that are not kept. Its letters are those of both, of a alone, of b alone.
template <class T>
Lettered<T> product(const Lettered<T>& left, const Lettered<T>& right, const std::string& kept) {
  const Lettered<T> a = left.summed(kept + right.letters), b = right.summed(kept + left.letters);
  std::string both, summed, of_a, of_b;
  for (const char letter : a.letters) (!has(b.letters, letter) ? of_a : has(kept, letter) ? both : summed) += letter;
  for (const char letter : b.letters)
    if (!has(a.letters, letter)) of_b += letter;
  const Shape all = a.extents(both + of_a).joined(b.extents(of_b));
  if (summed.empty()) {
    Shape ones_a, ones_b;
    for (std::size_t i = 0; i < of_b.size(); ++i) ones_a.push_back(1);
    for (std::size_t i = 0; i < of_a.size(); ++i) ones_b.push_back(1);
    return {reshape(a.ordered(both + of_a), a.extents(both + of_a).joined(ones_a)) *
                reshape(b.ordered(both + of_b), b.extents(both).joined(ones_b).joined(b.extents(of_b))),
            both + of_a + of_b};
  }
  const std::size_t k = a.extents(summed).size();
  const Shape lead = a.extents(both);
  const Var<T> x = reshape(a.ordered(both + of_a + summed), lead.joined({a.extents(of_a).size(), k}));
  const Var<T> y = reshape(b.ordered(both + of_b + summed), lead.joined({b.extents(of_b).size(), k}));
  return {reshape(matmul(x, y, {.transpose_b = true}), all), both + of_a + of_b};
}

// The diagonals of axes with the same letter, which become one axis behind the others.
template <class T>
Lettered<T> diagonals(Lettered<T> x) {
  for (std::size_t a = 0; a < x.letters.size(); ++a) {
    const std::size_t b = x.letters.find(x.letters[a], a + 1);
    if (b == std::string::npos) continue;
    const std::size_t rank = x.letters.size(), extent = x.value.shape()[a];
    std::vector<std::size_t> order, index;
    std::string rest;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      if (axis == a || axis == b) continue;
      order.push_back(axis);
      rest += x.letters[axis];
    }
    order.insert(order.end(), {a, b});
    for (std::size_t i = 0; i < extent; ++i) index.push_back(i * (extent + 1));
    const Var<T> behind = a + 2 == rank ? x.value : transpose(x.value, order);
    const Var<T> merged = reshape(behind, behind.shape().slice(0, rank - 2).joined({extent * extent}));
    x = {gather(merged, -1, index), rest + x.letters[a]};
    a = static_cast<std::size_t>(-1);  // the order of the axes is another one now: look again from the first
  }
  return x;
}

}  // namespace

template <class T>
Var<T> einsum(const std::string& spec, Vars<T> operands) {
  const Parsed parsed = parse(spec);
  if (operands.size() != parsed.operands.size())
    refuse(spec, std::to_string(operands.size()) + " arrays for " + std::to_string(parsed.operands.size()) +
                     " groups of letters.");
  const FunctionName name("einsum", operands[0]);
  std::map<char, std::size_t> extent;
  std::vector<Lettered<T>> terms;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::string& letters = parsed.operands[i];
    const Shape& shape = operands[i].shape();
    if (shape.rank() != letters.size())
      refuse(spec, "\"" + letters + "\" has " + std::to_string(letters.size()) + " letters for an array of shape " +
                       to_string(shape) + ".");
    for (std::size_t a = 0; a < shape.rank(); ++a)
      if (!extent.emplace(letters[a], shape[a]).second && extent[letters[a]] != shape[a])
        refuse(spec, std::string("'") + letters[a] + "' is " + std::to_string(extent[letters[a]]) +
                         " in one place and " + std::to_string(shape[a]) + " in another.");
    terms.push_back(diagonals<T>({operands[i], letters}));
  }
  Lettered<T> total = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    std::string kept = parsed.result;
    for (std::size_t later = i + 1; later < terms.size(); ++later) kept += terms[later].letters;
    // Examples are rows of a product: what has the first letter of the result stands on the left.
    const bool exchange = !kept.empty() && !has(total.letters, kept[0]) && has(terms[i].letters, kept[0]);
    total = exchange ? product(terms[i], total, kept) : product(total, terms[i], kept);
  }
  return total.summed(parsed.result).ordered(parsed.result);
}

template Var<float> einsum(const std::string&, Vars<float>);
template Var<double> einsum(const std::string&, Vars<double>);

}  // namespace xtangent
