#pragma once

#include "ntk/per_example.hpp"

namespace xtangent::ntk {

/// Combinations that do not depend on the outputs.
class Given : public PerExample {
 public:
  Var<float> cotangents(std::size_t first, const Var<float>& f) const final { return made<float>(first, f.shape()); }
  Var<double> cotangents(std::size_t first, const Var<double>& f) const final { return made<double>(first, f.shape()); }

 protected:
  /// What entries are made of, for a network of so many outputs.
  virtual Array<double> matrix(std::size_t) const { return {}; }
  virtual double entry(std::size_t example, std::size_t output, std::size_t column, std::size_t outputs,
                       const Array<double>& matrix) const = 0;

 private:
  template <class T>
  Var<T> made(std::size_t first, const Shape& outputs) const {
    const std::size_t n = outputs[0], o = outputs[1], c = columns(o);
    Array<T> out({c, n, o});
    T* to = out.mutable_data();
    const Array<double> r = matrix(o);
    for (std::size_t k = 0; k < c; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < o; ++j) *to++ = static_cast<T>(entry(first + i, j, k, o, r));
    return Var<T>(out);
  }
};

/// One R (O, K) for all examples, as one side of readout::between.
class Repeated : public Given {
 public:
  explicit Repeated(Readout common) : common_(std::move(common)) {}
  std::string name() const override { return common_.name(); }
  std::size_t columns(std::size_t outputs) const override { return common_.columns(outputs); }
  void check(std::size_t outputs) const override { common_.check(outputs); }
  std::string fingerprint() const override {
    const std::string text = common_.name();
    const Array<double>& r = common_.matrix;
    const std::string sum = ntk::fingerprint(text.data(), text.size());
    return r.defined() ? ntk::fingerprint(r.data(), r.bytes(), sum) : sum;
  }

 protected:
  Array<double> matrix(std::size_t outputs) const override { return common_.weights(outputs); }
  double entry(std::size_t, std::size_t o, std::size_t k, std::size_t, const Array<double>& r) const override {
    return r[o * r.shape()[1] + k];
  }

 private:
  Readout common_;
};

/// The base class of functions of the outputs, which write `of` once, as a template over the type of numbers.
template <class R>
class FunctionOf : public OfOutputs {
 protected:
  Var<float> value(Range at, const Var<float>& f) const override { return static_cast<const R*>(this)->of(at, f); }
  Var<double> value(Range at, const Var<double>& f) const override { return static_cast<const R*>(this)->of(at, f); }
};

/// The checksum of labels.
std::string fingerprint_of(const Labels& y);

}  // namespace xtangent::ntk
