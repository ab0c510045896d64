#include "nn/exported/user_inputs.hpp"

#include <set>
#include <utility>

#include "autodiff/error.hpp"

namespace xtangent::nn::exported {
namespace {

std::string shape_of(const ExportedInput& input) {
  std::string text = "(N";
  for (const auto& extent : input.extents)
    text.append(", ").append(extent ? std::to_string(*extent) : std::string("any"));
  return text + ")";
}

std::size_t total(const std::vector<Shape>& shapes) {
  std::size_t sum = 0;
  for (const Shape& shape : shapes) sum += shape.size();
  return sum;
}

}  // namespace

UserInputs::UserInputs(const std::vector<Input>& inputs, const std::string& source) {
  const auto fail = [&](const std::string& what) { throw data_error("[load_exported] " + source + ": " + what); };
  for (const Input& input : inputs) {
    if (input.role != Role::user) continue;
    const std::vector<Extent>& extents = input.type.extents;
    kind_of(input.type.scalar_type, "the input '" + input.name + "'");
    if (extents.empty()) fail("the input '" + input.name + "' has no axis of examples.");
    const Extent& batch = extents.front();
    if (batch.symbol.empty() && batch.number != 1)
      fail("the input '" + input.name + "' was exported for a batch of " + std::to_string(batch.number) +
           " examples. Export it for one, as every number of examples is computed by the network of one: "
           "torch.export.export(model.eval(), (x[:1],)).");
    ExportedInput one{input.name, type_name(input.type.scalar_type), {}};
    for (std::size_t i = 1; i < extents.size(); ++i)
      one.extents.push_back(extents[i].symbol.empty() ? std::optional(extents[i].number) : std::nullopt);
    described_.push_back(std::move(one));
    inputs_.push_back(&input);
  }
  if (inputs_.empty()) fail("its graph has no input.");
}

void UserInputs::refuse(const Shape& x) const {
  std::string expected;
  for (const ExportedInput& input : described_)
    expected.append(expected.empty() ? "" : ", ").append(input.name).append(" ").append(shape_of(input));
  throw shape_error("[Exported] the input is " + to_string(x) + ". Expected " + expected +
                    (inputs_.size() > 1 ? ", side by side in one row for each example (join_inputs)." : "."));
}

std::vector<Shape> UserInputs::shapes(const Shape& x) const {
  if (described_.size() == 1) {
    const ExportedInput& input = described_.front();
    bool fits = x.rank() == input.extents.size() + 1;
    for (std::size_t i = 0; fits && i < input.extents.size(); ++i)
      fits = !input.extents[i] || *input.extents[i] == x[i + 1];
    if (!fits) refuse(x);
    return {x.slice(1, x.rank())};
  }
  if (x.rank() != 2) refuse(x);
  // The sum of the sizes is known, so one extent that stands for any number can be found.
  std::set<std::string> open;
  for (const Input* input : inputs_)
    for (std::size_t i = 1; i < input->type.extents.size(); ++i)
      if (!input->type.extents[i].symbol.empty()) open.insert(input->type.extents[i].symbol);
  if (open.size() > 1)
    throw shape_error("[Exported] several inputs with " + std::to_string(open.size()) +
                      " dynamic extents: one row does not say where each input ends. Export them with fixed extents.");
  for (std::size_t length = 1; length <= x[1]; ++length) {
    const std::vector<Shape> found = with_extent(length);
    if (total(found) == x[1]) return found;
    if (open.empty() || total(found) > x[1]) break;
  }
  refuse(x);
}

// The shapes of the examples with `length` for each extent that is not fixed.
std::vector<Shape> UserInputs::with_extent(std::size_t length) const {
  std::vector<Shape> out;
  for (const ExportedInput& input : described_) {
    Shape shape;
    for (const auto& extent : input.extents) shape.push_back(extent.value_or(length));
    out.push_back(shape);
  }
  return out;
}

Shape UserInputs::exported_for() const {
  std::vector<Shape> shapes;
  for (const Input* input : inputs_) {
    Shape shape;
    double size = 1;  // the extents come from a file
    for (std::size_t i = 1; i < input->type.extents.size(); ++i) {
      shape.push_back(input->type.extents[i].number);
      size *= static_cast<double>(shape.back());
    }
    if (size == 0 || size > 1e9) return {};
    shapes.push_back(shape);
  }
  return (shapes.size() == 1 ? shapes.front() : Shape{total(shapes)}).prepended(2);
}

}  // namespace xtangent::nn::exported
