#include "autodiff/ops/einsum.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <span>

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

constexpr const char* dots = "...";

// Axes behind "..." get characters that are no letters: the last of them the first one, and so on.
char dotted(std::size_t from_right) { return static_cast<char>(1 + from_right); }
std::string dotted_axes(std::size_t count) {
  std::string out;
  for (std::size_t i = count; i-- > 0;) out += dotted(i);
  return out;
}

// A group of letters with "..." replaced by `count` axes. Throws shape_error for what is no letter.
std::string without_dots(const std::string& spec, std::string letters, std::size_t count) {
  const std::size_t at = letters.find(dots);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const bool dot = at != std::string::npos && i >= at && i < at + 3;
    if (!dot && !std::isalpha(static_cast<unsigned char>(letters[i])))
      refuse(spec,
             std::string("'") + letters[i] + "' is not a letter. Write it like \"nij,jk->nik\" or \"...i,ij->...j\".");
  }
  if (at != std::string::npos) letters.replace(at, 3, dotted_axes(count));
  return letters;
}

Parsed parse(const std::string& spec, std::span<const Shape> shapes) {
  std::string text;
  for (const char c : spec)
    if (c != ' ') text += c;
  const std::size_t arrow = text.find("->");
  Parsed out;
  out.operands.emplace_back();
  for (const char c : text.substr(0, arrow)) {
    if (c == ',')
      out.operands.emplace_back();
    else
      out.operands.back() += c;
  }
  if (shapes.size() != out.operands.size())
    refuse(spec, std::to_string(shapes.size()) + " arrays for " + std::to_string(out.operands.size()) +
                     " groups of letters.");
  std::map<char, std::size_t> count;
  std::size_t most = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    std::string& letters = out.operands[i];
    const bool open = letters.find(dots) != std::string::npos;
    const std::size_t named = letters.size() - (open ? 3 : 0), rank = shapes[i].rank();
    if (open ? rank < named : rank != named)
      refuse(spec, "\"" + letters + "\" for an array of shape " + to_string(shapes[i]) + ".");
    most = std::max(most, rank - named);
    letters = without_dots(spec, letters, rank - named);
    for (const char c : letters) ++count[c];
  }
  if (arrow == std::string::npos) {
    out.result = dotted_axes(most);
    for (const auto& [letter, times] : count)
      if (times == 1 && std::isalpha(static_cast<unsigned char>(letter))) out.result += letter;
    return out;
  }
  out.result = without_dots(spec, text.substr(arrow + 2), most);
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

bool broadcasts(char letter) { return !std::isalpha(static_cast<unsigned char>(letter)); }

// Without the axes of extent 1 that other operands have longer: what lacks an axis broadcasts along it.
template <class T>
Lettered<T> without_ones(const Lettered<T>& x, const std::map<char, std::size_t>& extent) {
  std::string rest;
  for (const char letter : x.letters)
    if (!broadcasts(letter) || x.extent(letter) == extent.at(letter)) rest += letter;
  return rest == x.letters ? x : Lettered<T>{reshape(x.value, x.extents(rest)), rest};
}

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
  std::vector<Shape> shapes;
  for (const Var<T>& x : operands) shapes.push_back(x.shape());
  const Parsed parsed = parse(spec, shapes);
  const FunctionName name("einsum", operands[0]);
  std::map<char, std::size_t> extent;
  for (std::size_t i = 0; i < operands.size(); ++i)
    for (std::size_t a = 0; a < shapes[i].rank(); ++a) {
      const char letter = parsed.operands[i][a];
      std::size_t& known = extent.emplace(letter, shapes[i][a]).first->second;
      if (known == 1 && broadcasts(letter)) known = shapes[i][a];
      if (known != shapes[i][a] && !(broadcasts(letter) && shapes[i][a] == 1))
        refuse(spec, (broadcasts(letter) ? std::string("an axis of \"...\"") : std::string("'") + letter + "'") +
                         " is " + std::to_string(known) + " in one place and " + std::to_string(shapes[i][a]) +
                         " in another.");
    }
  std::vector<Lettered<T>> terms;
  for (std::size_t i = 0; i < operands.size(); ++i)
    terms.push_back(diagonals<T>(without_ones<T>({operands[i], parsed.operands[i]}, extent)));
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
