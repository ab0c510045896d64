#pragma once

#include <string>
#include <vector>

#include "nn/exported/exported.hpp"
#include "nn/exported/graph.hpp"

/// What a user gives to an exported network, and how it stands in an array x (N, ...).
namespace xtangent::nn::exported {

class UserInputs {
 public:
  /// Takes the inputs with Role::user out of a program's `inputs`, which must outlive this. Throws data_error naming
  /// `source` for a batch that is fixed at more than one example, elements that are no real numbers, and where there is
  /// no input.
  UserInputs(const std::vector<Input>& inputs, const std::string& source);

  const std::vector<ExportedInput>& described() const { return described_; }
  /// The shapes of one example of each input, without the axis of examples, for x (N, ...). Throws what `refuse` throws
  /// where x does not fit.
  std::vector<Shape> shapes(const Shape& x) const;
  /// x (2, ...) of the extents with which the program was exported; empty where they are not known.
  Shape exported_for() const;
  /// Throws shape_error: x is not what is expected.
  [[noreturn]] void refuse(const Shape& x) const;

 private:
  std::vector<Shape> with_extent(std::size_t length) const;

  std::vector<const Input*> inputs_;
  std::vector<ExportedInput> described_;
};

}  // namespace xtangent::nn::exported
