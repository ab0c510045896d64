#include "ntk/computation/cotangents.hpp"

#include "autodiff/error.hpp"

namespace xtangent::ntk {

template <class T>
Cotangents<T>::Cotangents(const Readout& readout, std::size_t outputs, Of side)
    : count_(readout.columns(outputs, side)), own_(side == Of::rows ? readout.of_rows : readout.of_columns) {
  readout.check(outputs);
  if (!own_) common_ = readout.weights(outputs);
}

template <class T>
Var<T> Cotangents<T>::recorded(std::size_t first, const Var<T>& outputs) const {
  const std::size_t n = outputs.shape()[0], o = outputs.shape()[1];
  if (own_) {
    const Var<T> found = own_->cotangents(first, outputs);
    if (!found.defined() || !(found.shape() == Shape{count_, n, o}))
      throw shape_error("[readout " + own_->name() + "] the cotangents are " +
                        (found.defined() ? to_string(found.shape()) : "undefined") + ", expected " +
                        to_string(Shape{count_, n, o}) + ".");
    return found;
  }
  Array<T> out({count_, n, o});
  T* to = out.mutable_data();
  for (std::size_t k = 0; k < count_; ++k)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < o; ++j) *to++ = static_cast<T>(common_.data()[j * count_ + k]);
  return Var<T>(out);
}

template <class T>
Array<T> Cotangents<T>::at(std::size_t first, const Var<T>& outputs) const {
  return recorded(first, Var<T>(outputs.value())).value();
}

template class Cotangents<float>;
template class Cotangents<double>;

}  // namespace xtangent::ntk
