#include "ntk/contraction/side.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::ntk {

template <class T>
struct Side<T>::Store {
  Rule rule;
  UseShape use;
  std::size_t examples, probes;
  bool summed, holds;  // holds: gradients
  std::once_flag left_made, right_made;
  Array<T> left, right;
  T *left_at = nullptr, *right_at = nullptr;  // where fill writes
  std::vector<std::uint32_t> row, count;      // gather

  Store(Rule rule_, const UseShape& use_, std::size_t examples_, std::size_t probes_, ProbeMode mode)
      : rule(rule_),
        use(use_),
        examples(examples_),
        probes(probes_),
        summed(mode == ProbeMode::summed),
        holds(rule_ == Rule::materialize && holds_gradients(use_, probes_)) {
    if (rule != Rule::gather) return;
    row.resize(examples * gather_slots(use));
    count.resize(examples);
  }

  bool whole(const Factor<T>& piece) const { return piece.examples == examples; }
  bool factors() const { return rule == Rule::materialize && !holds; }
  // Without probes in front that would have to be turned.
  bool probes_lie_well() const { return !summed || probes == 1; }

  T* make_left(const Shape& shape) {
    std::call_once(left_made, [&] {
      left = Array<T>(shape);
      left_at = left.mutable_data();
    });
    return left_at;
  }
  T* make_right(const Shape& shape) {
    std::call_once(right_made, [&] {
      right = Array<T>(shape);
      right_at = right.mutable_data();
    });
    return right_at;
  }

  void fill_rows(std::size_t first, const Factor<T>& f);
  void fill_inputs(std::size_t first, const Factor<T>& f);
  void fill_pixels(std::size_t first, const Factor<T>& f);
  void fill_readout(const Factor<T>& f);
  void fill_gradients(std::size_t first, const Factor<T>& f);
  void fill_factors(std::size_t first, const Factor<T>& f);
  void fill_picks(std::size_t first, const Factor<T>& f);
  Factor<T> factor() const;
};

// Cotangents (K, n, D, C) or (K, n, C, D) become rows of positions: (K, N D, C), or (N D, K C) with probes summed.
template <class T>
void Side<T>::Store::fill_rows(std::size_t first, const Factor<T>& f) {
  const std::size_t d = f.positions, c = f.left_size(), n = f.examples, k = probes;
  const bool turned = f.channels_first && d > 1 && c > 1;
  if (whole(f) && !turned && probes_lie_well()) {
    left = f.left;
    return;
  }
  T* to = make_left(Shape{k * examples * d * c});
  if (summed) {
    const Shape shape = turned ? Shape{k, n, c, d} : Shape{k, n, d, c};
    const std::vector<std::size_t> order =
        turned ? std::vector<std::size_t>{1, 3, 0, 2} : std::vector<std::size_t>{1, 2, 0, 3};
    kernels::transpose(shape, order, f.left.data(), to + first * d * k * c);
    return;
  }
  for (std::size_t p = 0; p < k; ++p) {
    const T* from = f.left.data() + p * n * d * c;
    T* at = to + (p * examples + first) * d * c;
    if (turned)
      kernels::transpose(Shape{n, c, d}, {0, 2, 1}, from, at);
    else
      kernels::copy_runs(1, n * d * c, from, 0, at, 0);
  }
}

// Inputs (n, D, R), or images, become rows of positions: (N D, R).
template <class T>
void Side<T>::Store::fill_inputs(std::size_t first, const Factor<T>& f) {
  const std::size_t d = f.positions, r = f.right_size(), n = f.examples;
  if (whole(f) && !f.patches) {
    right = f.right;
    return;
  }
  T* to = make_right(Shape{examples * d * r}) + first * d * r;
  if (!f.patches) {
    kernels::copy_runs(1, n * d * r, f.right.data(), 0, to, 0);
    return;
  }
  if (f.patches->is_pointwise()) {
    kernels::transpose(Shape{n, r, d}, {0, 2, 1}, f.right.data(), to);
    return;
  }
  kernels::parallel_for(n, 1, [&](std::size_t begin, std::size_t end) {
    Array<T> patches({r, d});
    for (std::size_t i = begin; i < end; ++i) {
      kernels::im2col(*f.patches, 0, f.patches->out_height(), f.right.data() + i * f.patches->input_size(),
                      patches.mutable_data(), d);
      kernels::transpose(Shape{r, d}, {1, 0}, patches.data(), to + i * d * r);
    }
  });
}

// Images (n, channels, pixels) become rows of pixels: (N pixels, channels).
template <class T>
void Side<T>::Store::fill_pixels(std::size_t first, const Factor<T>& f) {
  const std::size_t channels = f.patches->channels, pixels = f.patches->height * f.patches->width;
  T* to = make_right(Shape{examples * pixels * channels}) + first * pixels * channels;
  kernels::transpose(Shape{f.examples, channels, pixels}, {0, 2, 1}, f.right.data(), to);
}

// Cotangents of one example of each probe stand for all: (K, C), or (1, K C) with probes summed.
template <class T>
void Side<T>::Store::fill_readout(const Factor<T>& f) {
  std::call_once(left_made, [&] {
    const std::size_t c = f.left_size();
    left = Array<T>({probes, c});
    kernels::copy_runs(probes, c, f.left.data(), f.examples * c, left.mutable_data(), c);
  });
}

// The gradients: (K, N, P), or (N, K P) with probes summed.
template <class T>
void Side<T>::Store::fill_gradients(std::size_t first, const Factor<T>& f) {
  const std::size_t size = use.parameter_size, k = probes;
  if (whole(f) && f.kind == FactorKind::dense && probes_lie_well()) {
    left = f.left;
    return;
  }
  T* to = make_left(Shape{k * examples * size}) + first * size * (summed ? k : 1);
  f.gradients(0, f.examples, 0, size, to, summed ? size : examples * size, summed ? k * size : size);
}

// The factors as they are.
template <class T>
void Side<T>::Store::fill_factors(std::size_t first, const Factor<T>& f) {
  if (whole(f)) {
    left = f.left;
    right = f.right;
    return;
  }
  const std::size_t one = f.left.size() / (probes * f.examples);
  T* to = make_left(Shape{probes * examples * one}) + first * one;
  kernels::copy_runs(probes, f.examples * one, f.left.data(), f.examples * one, to, examples * one);
  if (!f.right.defined()) return;
  const std::size_t input = f.right.size() / f.examples;
  kernels::copy_runs(1, f.right.size(), f.right.data(), 0, make_right(Shape{examples * input}) + first * input, 0);
}

// The positions of an example that picked the same row add up.
template <class T>
void Side<T>::Store::fill_picks(std::size_t first, const Factor<T>& f) {
  const std::size_t k = probes, d = f.positions, e = f.left_size(), slots = gather_slots(use);
  T* values = make_left(Shape{examples * slots * k * e});
  std::vector<std::size_t> order(d);
  for (std::size_t n = 0; n < f.examples; ++n) {
    const T* index = f.right.data() + n * d;
    std::uint32_t* picked = row.data() + (first + n) * slots;
    std::uint32_t used = 0;
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t p, std::size_t q) { return index[p] < index[q]; });
    for (std::size_t p : order) {
      const auto of = static_cast<std::uint32_t>(index[p]);
      const bool fresh = used == 0 || picked[used - 1] != of;
      if (fresh) picked[used++] = of;
      T* at = values + ((first + n) * slots + used - 1) * k * e;
      for (std::size_t probe = 0; probe < k; ++probe) {
        const T* from = f.left.data() + ((probe * f.examples + n) * d + p) * e;
        if (fresh)
          std::copy_n(from, e, at + probe * e);
        else
          kernels::loops<T>().axpy(e, T(1), from, at + probe * e);
      }
    }
    count[first + n] = used;
  }
}

// What fill_factors took, as a factor again.
template <class T>
Factor<T> Side<T>::Store::factor() const {
  Factor<T> f;
  f.kind = use.kind;
  f.parameter = Shape{use.parameter_size};
  f.probes = probes;
  f.examples = examples;
  f.positions = use.positions;
  f.channels_first = use.channels_first;
  f.patches = use.patches;
  f.left = left.reshaped(use.channels_first ? Shape{probes, examples, use.left, use.positions}
                                            : Shape{probes, examples, use.positions, use.left});
  f.right = right;
  if (right.defined() && !use.patches)
    f.right = right.reshaped(use.kind == FactorKind::gather ? Shape{examples, use.positions}
                                                            : Shape{examples, use.positions, use.right});
  return f;
}

template <class T>
Side<T>::Side(Rule rule, const UseShape& use, std::size_t examples, std::size_t probes, ProbeMode mode)
    : store_(std::make_shared<Store>(rule, use, examples, probes, mode)), examples_(examples) {}

template <class T>
void Side<T>::fill(std::size_t first_example, const Factor<T>& piece) {
  if (piece.examples == 0) return;
  Store& s = *store_;
  switch (s.rule) {
    case Rule::outer:
    case Rule::position_gram:
      s.fill_rows(first_example, piece);
      return s.fill_inputs(first_example, piece);
    case Rule::pixel_gram:
      s.fill_rows(first_example, piece);
      return s.fill_pixels(first_example, piece);
    case Rule::readout:
      s.fill_readout(piece);
      return s.fill_inputs(first_example, piece);
    case Rule::gather:
      return s.fill_picks(first_example, piece);
    case Rule::materialize:
      break;
  }
  if (s.holds)
    s.fill_gradients(first_example, piece);
  else
    s.fill_factors(first_example, piece);
}

template <class T>
Side<T> Side<T>::range(std::size_t first, std::size_t last) const {
  Side out = *this;
  out.first_ += first;
  out.examples_ = last - first;
  return out;
}

template <class T>
Rule Side<T>::rule() const {
  return store_->rule;
}
template <class T>
const UseShape& Side<T>::use() const {
  return store_->use;
}
template <class T>
std::size_t Side<T>::probes() const {
  return store_->summed ? 1 : store_->probes;
}
template <class T>
bool Side<T>::has_gradients() const {
  return store_->holds;
}

template <class T>
std::size_t Side<T>::bytes() const {
  const Store& s = *store_;
  return (s.left.defined() ? s.left.bytes() : 0) + (s.right.defined() ? s.right.bytes() : 0) +
         (s.row.size() + s.count.size()) * sizeof(std::uint32_t);
}

template <class T>
bool Side<T>::same(const Side& other) const {
  return store_ == other.store_ && first_ == other.first_ && examples_ == other.examples_;
}

template <class T>
Rows<T> Side<T>::left() const {
  const Store& s = *store_;
  const std::size_t side_by_side = s.summed ? s.probes : 1;
  if (s.rule == Rule::readout) return {s.left.data(), probes(), 1, s.use.left * side_by_side, s.use.left};
  const std::size_t each = s.holds ? 1 : s.use.positions;  // rows of an example
  const std::size_t length = (s.holds ? s.use.parameter_size : s.use.left) * side_by_side;
  return {s.left.data() + first_ * each * length, probes(), examples_ * each, length, s.examples * each * length};
}

template <class T>
Rows<T> Side<T>::right() const {
  const Store& s = *store_;
  const bool pixels = s.rule == Rule::pixel_gram;
  const std::size_t each = pixels ? s.use.patches->height * s.use.patches->width : s.use.positions;
  const std::size_t length = pixels ? s.use.patches->channels : s.use.right;
  return {s.right.data() + first_ * each * length, 1, examples_ * each, length, 0};
}

template <class T>
Picks<T> Side<T>::picks() const {
  const Store& s = *store_;
  Picks<T> out;
  out.slots = gather_slots(s.use);
  out.probes = probes();
  out.width = s.use.left * (s.summed ? s.probes : 1);
  out.row = s.row.data() + first_ * out.slots;
  out.count = s.count.data() + first_;
  out.values = s.left.data() + first_ * out.slots * s.probes * s.use.left;
  return out;
}

template <class T>
void Side<T>::gradients(std::size_t begin, std::size_t end, T* out) const {
  const Store& s = *store_;
  const std::size_t length = end - begin, size = s.use.parameter_size;
  const std::size_t to_probe = s.summed ? length : examples_ * length,
                    to_example = s.summed ? s.probes * length : length;
  if (!s.holds) return s.factor().gradients(first_, first_ + examples_, begin, end, out, to_probe, to_example);
  const std::size_t of_probe = s.summed ? size : s.examples * size, of_example = s.summed ? s.probes * size : size;
  for (std::size_t p = 0; p < s.probes; ++p)
    kernels::copy_runs(examples_, length, s.left.data() + p * of_probe + first_ * of_example + begin, of_example,
                       out + p * to_probe, to_example);
}

template <class T>
std::size_t Side<T>::unit() const {
  return store_->holds ? 1 : store_->factor().unit();
}

template class Side<float>;
template class Side<double>;

}  // namespace xtangent::ntk
