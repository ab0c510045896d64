#include "ntk/computation/chosen_examples.hpp"

#include <utility>

#include "autodiff/ops/indexing.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {
namespace {

class OfExamples : public PerExample {
 public:
  OfExamples(std::shared_ptr<const PerExample> all, std::vector<std::size_t> numbers)
      : all_(std::move(all)), numbers_(std::move(numbers)) {}
  std::string name() const override { return all_->name(); }
  std::size_t columns(std::size_t outputs) const override { return all_->columns(outputs); }
  std::optional<std::size_t> examples() const override { return numbers_.size(); }
  void check(std::size_t outputs) const override { all_->check(outputs); }
  Var<float> cotangents(std::size_t first, const Var<float>& f) const override { return chosen(first, f); }
  Var<double> cotangents(std::size_t first, const Var<double>& f) const override { return chosen(first, f); }
  std::string fingerprint() const override {
    return ntk::fingerprint(numbers_.data(), numbers_.size() * sizeof(std::size_t), all_->fingerprint());
  }

 private:
  // In runs of examples that follow each other.
  template <class T>
  Var<T> chosen(std::size_t first, const Var<T>& outputs) const {
    const std::size_t n = outputs.shape()[0];
    std::vector<Var<T>> runs;
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
      for (end = begin + 1; end < n && numbers_[first + end] == numbers_[first + end - 1] + 1; ++end) continue;
      const Var<T> part = begin == 0 && end == n ? outputs : slice(outputs, 0, begin, end);
      runs.push_back(all_->cotangents(numbers_[first + begin], part));
    }
    return runs.size() == 1 ? runs.front() : concatenate<T>(runs, 1);
  }

  std::shared_ptr<const PerExample> all_;
  std::vector<std::size_t> numbers_;
};

}  // namespace

Readout of_examples(const Readout& readout, std::vector<std::size_t> numbers) {
  if (readout.common()) return readout;
  Readout out = readout;
  out.of_rows = out.of_columns = std::make_shared<OfExamples>(readout.of_rows, std::move(numbers));
  return out;
}

}  // namespace xtangent::ntk
