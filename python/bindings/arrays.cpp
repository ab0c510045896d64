// NumPy's arrays in and out.
#include "autodiff/error.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {

template <class T>
Array<T> array_of(const py::array& values) {
  Shape shape;
  for (py::ssize_t axis = 0; axis < values.ndim(); ++axis)
    shape.push_back(static_cast<std::size_t>(values.shape(axis)));
  const auto rows = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(values);
  if (!rows) throw data_error("[array] elements of type " + std::string(py::str(values.dtype())) + " are no numbers.");
  return Array<T>::copy_of(shape, rows.data());
}

template <class T>
py::array_t<T> numpy_of(Array<T> values) {
  auto held = std::make_unique<Array<T>>(std::move(values));
  std::vector<py::ssize_t> shape;
  for (const std::size_t extent : held->shape()) shape.push_back(static_cast<py::ssize_t>(extent));
  T* const elements = held->mutable_data();  // a copy if somebody else holds them, since Python may write to them
  const py::capsule owner(held.release(), [](void* p) { delete static_cast<Array<T>*>(p); });
  return py::array_t<T>(shape, elements, owner);
}

ntk::AnyMatrix matrix_of(const py::array& values) {
  if (values.dtype().is(py::dtype::of<float>()) || values.dtype().equal(py::dtype::of<float>()))
    return array_of<float>(values);
  return array_of<double>(values);
}

Array<double> array_or_none(const py::object& values) {
  return values.is_none() ? Array<double>() : array_of<double>(values.cast<py::array>());
}

std::vector<std::size_t> labels_of(const std::string& what, const py::array& values) {
  if (values.ndim() != 1)
    throw shape_error("[" + what + "] labels have one axis, not " + std::to_string(values.ndim()) + ".");
  const char kind = values.dtype().kind();
  if (kind != 'i' && kind != 'u' && kind != 'b')
    throw data_error("[" + what + "] labels are whole numbers, not " + py::str(values.dtype()).cast<std::string>() +
                     ".");
  const auto numbers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(values);
  std::vector<std::size_t> out;
  out.reserve(static_cast<std::size_t>(numbers.size()));
  for (py::ssize_t i = 0; i < numbers.size(); ++i) {
    if (numbers.data()[i] < 0)
      throw data_error("[" + what + "] label " + std::to_string(i) + " is " + std::to_string(numbers.data()[i]) +
                       "; labels begin with 0.");
    out.push_back(static_cast<std::size_t>(numbers.data()[i]));
  }
  return out;
}

template Array<float> array_of(const py::array&);
template Array<double> array_of(const py::array&);
template py::array_t<float> numpy_of(Array<float>);
template py::array_t<double> numpy_of(Array<double>);

}  // namespace xtangent::python
