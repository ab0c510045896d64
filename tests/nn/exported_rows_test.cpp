// Each op of exported networks: by which network or test it is called, and what those without a network compute.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "nn/data/file.hpp"
#include "nn/exported/archive.hpp"
#include "nn/exported/table.hpp"
#include "tests/nn/exported_files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Number = std::variant<bool, std::int64_t, double>;

Number whole(std::int64_t v) { return v; }

struct Line {
  const char* op;
  std::vector<Number> arguments;
  Number result;
};

// Numbers that PyTorch computes from extents, as Python does.
const std::vector<Line> numbers = {
    {"_operator.add", {whole(2), whole(3)}, whole(5)},
    {"_operator.add", {whole(2), 0.5}, 2.5},
    {"_operator.sub", {whole(2), whole(3)}, whole(-1)},
    {"_operator.mul", {whole(2), whole(3)}, whole(6)},
    {"_operator.truediv", {whole(1), whole(2)}, 0.5},
    {"_operator.floordiv", {whole(-7), whole(2)}, whole(-4)},
    {"_operator.mod", {whole(-7), whole(3)}, whole(2)},
    {"_operator.mod", {whole(7), whole(-3)}, whole(-2)},
    {"_operator.pow", {whole(3), whole(2)}, whole(9)},
    {"_operator.neg", {whole(3)}, whole(-3)},
    {"torch.sym_max", {whole(3), whole(5)}, whole(5)},
    {"torch.sym_min", {whole(3), whole(5)}, whole(3)},
    {"torch.sym_float", {whole(3)}, 3.0},
    {"torch._sym_float", {whole(3)}, 3.0},
    {"torch.sym_int", {-3.7}, whole(-3)},
    {"torch._sym_sqrt", {whole(9)}, 3.0},
    {"math.sqrt", {whole(9)}, 3.0},
    {"math.ceil", {2.1}, whole(3)},
    {"math.floor", {-2.1}, whole(-3)},
    {"math.trunc", {-2.9}, whole(-2)},
    {"_operator.eq", {whole(3), whole(3)}, true},
    {"_operator.ne", {whole(3), whole(3)}, false},
    {"_operator.lt", {whole(2), whole(3)}, true},
    {"_operator.lt", {whole(3), whole(3)}, false},
    {"_operator.le", {whole(3), whole(3)}, true},
    {"_operator.gt", {whole(3), whole(3)}, false},
    {"_operator.gt", {whole(4), whole(3)}, true},
    {"_operator.ge", {whole(3), whole(3)}, true},
    {"_operator.and_", {true, false}, false},
    {"_operator.and_", {true, true}, true},
    {"_operator.or_", {true, false}, true},
    {"_operator.or_", {false, false}, false},
};
const std::vector<const char*> of_nothing = {"aten.sym_constrain_range.default",
                                             "aten.sym_constrain_range_for_size.default", "aten._assert_async.msg",
                                             "aten._assert_scalar.default"};
const std::vector<const char*> same = {"aten.conj.default", "aten.resolve_conj.default", "aten.lift.default",
                                       "aten.lift_fresh.default"};
const std::vector<const char*> items = {"aten.item.default", "aten._local_scalar_dense.default"};

}  // namespace

BOOST_AUTO_TEST_SUITE(exported_rows)

// Or by the test of rows without a network below it.
BOOST_AUTO_TEST_CASE(every_op_is_called_by_a_network) {
  std::set<const nn::exported::Row*> called;
  const std::function<void(const nn::exported::Graph&)> call = [&](const nn::exported::Graph& graph) {
    for (const nn::exported::Node& node : graph.nodes) {
      called.insert(nn::exported::find_row(node.op));
      for (const nn::exported::Argument& argument : node.arguments)
        if (const auto* inner = std::get_if<std::shared_ptr<const nn::exported::Graph>>(&argument.what)) call(**inner);
    }
  };
  for (const std::string& name : networks())
    call(nn::exported::read_archive(nn::read_raw_file(program(name)), name).program.graph);
  for (const Line& line : numbers) called.insert(nn::exported::find_row(line.op));
  for (const auto& names : {of_nothing, same, items})
    for (const char* op : names) called.insert(nn::exported::find_row(op));
  called.insert(nn::exported::find_row("aten.sym_numel.default"));
  std::string left;
  for (const auto& [name, row] : nn::exported::table())
    if (!called.contains(&row)) left += name + ' ';
  BOOST_TEST(left == "");
}

BOOST_AUTO_TEST_CASE(rows_without_a_network_compute_what_python_computes) {
  using namespace nn::exported;
  const auto call = [](const std::string& op, const Values<double>& arguments) {
    nn::exported::Node node;
    node.op = op;
    for (std::size_t k = 0; k < arguments.size(); ++k)
      node.arguments.push_back(
          {arguments.size() == 1 && arguments[0].tensor() ? "self" : std::string(1, char('a' + k)), {}});
    return find_row(op)->twice(Call<double>(node, arguments));
  };
  const auto value = [](const Number& n) { return std::visit([](auto v) { return Value<double>(v); }, n); };
  for (const Line& line : numbers) {
    Values<double> arguments;
    for (const Number& n : line.arguments) arguments.push_back(value(n));
    const Value<double> y = call(line.op, arguments), expected = value(line.result);
    BOOST_TEST_CONTEXT(line.op) {
      BOOST_REQUIRE(y.what.index() == expected.what.index());
      if (const double* v = std::get_if<double>(&expected.what)) BOOST_TEST(std::get<double>(y.what) == *v);
      if (const bool* v = std::get_if<bool>(&expected.what)) BOOST_TEST(std::get<bool>(y.what) == *v);
      if (const auto* v = std::get_if<std::int64_t>(&expected.what)) BOOST_TEST(std::get<std::int64_t>(y.what) == *v);
    }
  }
  const Array<double> array = Array<double>::from({2, 2}, {1, 2, 3, 4});
  for (const char* op : of_nothing) BOOST_TEST(call(op, {value(whole(2))}).none());
  for (const char* op : same)
    BOOST_TEST(relative(call(op, {Tensor<double>{Var<double>(array)}}).tensor()->value.value(), array) == 0.0);
  BOOST_TEST(std::get<std::int64_t>(call("aten.sym_numel.default", {Tensor<double>{Var<double>(array)}}).what) == 4);
  for (const char* op : items) {
    BOOST_TEST(std::get<double>(call(op, {scalar<double>(2.5, Kind::floating)}).what) == 2.5);
    BOOST_TEST(std::get<std::int64_t>(call(op, {scalar<double>(2, Kind::integer)}).what) == 2);
    const Tensor<double> of_examples{batched(Array<double>::ones({3})), Kind::floating};
    BOOST_CHECK_THROW(call(op, {of_examples}), unsupported_call);
  }
}

// The values are those of std::fmod and of Python's %, also where the quotient is rounded up to a whole number.
BOOST_AUTO_TEST_CASE(remainders_are_exact) {
  using namespace nn::exported;
  const float infinity = std::numeric_limits<float>::infinity();
  const auto call = [](const std::string& op, float x, float y) {
    nn::exported::Node node;
    node.op = "aten." + op + ".Tensor";
    node.arguments = {{"self", {}}, {"other", {}}};
    const auto number = [](float v) { return Tensor<float>{Var<float>(Array<float>::scalar(v)), Kind::floating}; };
    return find_row(node.op)->single(Call<float>(node, {number(x), number(y)})).tensor()->value.value().item();
  };
  for (int i = -200; i <= 200; ++i)
    for (const float y : {0.1f, -0.1f, 0.7f}) {
      const float x = static_cast<float>(i) * 0.1f, rest = std::fmod(x, y);
      const float signed_rest = rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
      BOOST_TEST(call("fmod", x, y) == rest);
      BOOST_TEST(call("remainder", x, y) == signed_rest);
      BOOST_TEST(call("floor_divide", x, y) == std::nearbyint((x - signed_rest) / y));
    }
  BOOST_TEST(call("fmod", 5, infinity) == 5);
  BOOST_TEST(call("remainder", 5, infinity) == 5);
  BOOST_TEST(call("remainder", -5, infinity) == infinity);
  BOOST_TEST(call("floor_divide", 1, 0.1f) == 9);  // 0.1f is above a tenth
  BOOST_TEST(call("floor_divide", -5, 2) == -3);
}

// Values and gradients where PyTorch has rules of its own: at kinks, where a deviation is 0, and for NaN.
BOOST_AUTO_TEST_CASE(rows_at_their_edges) {
  using namespace nn::exported;
  const auto call = [](const std::string& op, const std::vector<std::pair<std::string, Value<double>>>& given) {
    nn::exported::Node node;
    node.op = op;
    Values<double> values;
    for (const auto& [name, value] : given) {
      node.arguments.push_back({name, {}});
      values.push_back(value);
    }
    return find_row(op)->twice(Call<double>(node, values));
  };
  const auto slopes = [&](const std::string& op, const Array<double>& x, const auto& more) {
    Tape<double> tape;
    const Var<double> at[] = {tape.variable(x)};
    std::vector<std::pair<std::string, Value<double>>> given = {{"self", Tensor<double>{at[0]}}};
    given.insert(given.end(), more.begin(), more.end());
    const Var<double> y = call(op, given).tensor()->value;
    return pullback<double>(y, Var<double>(Array<double>::ones(y.shape())), at)[0].value();
  };
  using More = std::vector<std::pair<std::string, Value<double>>>;
  const auto of = [](std::initializer_list<double> v) {
    return Array<double>::from({v.size()}, std::vector<double>(v));
  };
  BOOST_TEST(same_bits(slopes("aten.std.correction", of({2, 2, 2}), More{}), of({0, 0, 0})));
  const More slope = {{"weight", Tensor<double>{Var<double>(of({0.25}))}}};
  BOOST_TEST(same_bits(slopes("aten.prelu.default", of({-1, 0, 1}), slope), of({0.25, 0.25, 1})));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor<double> row{Var<double>(of({1, nan, 2, nan}))}, number{Var<double>(Array<double>::scalar(-3))};
  for (const char* op : {"aten.max.dim", "aten.min.dim"}) {
    const Value<double> found = call(op, {{"self", row}, {"dim", Value<double>(std::int64_t(0))}});
    const auto& both = std::get<Values<double>>(found.what);
    BOOST_TEST(std::isnan(both[0].tensor()->value.value().item()));
    BOOST_TEST(both[1].tensor()->value.value().item() == 1);
  }
  // A number counts as an array of one element.
  const auto of_number = [&](const char* op, const More& more) {
    More given = {{"self", number}};
    given.insert(given.end(), more.begin(), more.end());
    return call(op, given).tensor()->value.value().item();
  };
  BOOST_TEST(of_number("aten.linalg_vector_norm.default", {}) == 3);
  BOOST_TEST(of_number("aten.var.correction", {{"correction", Value<double>(std::int64_t(0))}}) == 0);
  BOOST_TEST(of_number("aten.sum.default", {}) == -3);
  const Tensor<double> empty{batched(Array<double>({2, 1, 0, 2}))};
  BOOST_CHECK_THROW(call("aten.lstm.input", {{"input", empty}}), unsupported_call);
  BOOST_CHECK_THROW(call("aten.argmax.default", {{"self", Tensor<double>{Var<double>(Array<double>({0}))}}}),
                    shape_error);
  BOOST_CHECK_THROW(call("aten.tril.default", {{"self", row}}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
