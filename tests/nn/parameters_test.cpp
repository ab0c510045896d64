// Parameters: slices, copy on write, names, precision.
#include <boost/test/unit_test.hpp>

#include "nn/sequential.hpp"

using namespace xtangent;

namespace {

nn::Sequential net() { return nn::sequential(nn::Linear{3, 4}, nn::Tanh{}, nn::Linear{4, 2}); }

}  // namespace

BOOST_AUTO_TEST_SUITE(parameters)

BOOST_AUTO_TEST_CASE(writing_to_a_copy_or_under_a_slice_leaves_the_others) {
  const auto a = net().init<double>(7);
  auto b = a;
  BOOST_TEST(a.flat().data() == b.flat().data());
  const Array<double> before = b["2.weight"];
  const double first = before[0];
  b.mutable_data()[b.infos()[2].offset] = 100.0;
  BOOST_TEST(before[0] == first);
  BOOST_TEST(a["2.weight"][0] == first);
  BOOST_TEST(b["2.weight"][0] == 100.0);
}

BOOST_AUTO_TEST_CASE(alone_is_written_in_place) {
  auto a = net().init<double>(7);
  const double* data = a.flat().data();
  BOOST_TEST(a.mutable_data() == data);
  {
    const Array<double> slice = a.slice(0);
    BOOST_TEST(a.mutable_data() != data);
  }
}

BOOST_AUTO_TEST_CASE(set_replaces_one_array) {
  auto a = net().init<double>(7);
  const auto before = a;
  a.set("0.bias", Array<double>::full({4}, 3.0));
  BOOST_TEST(a["0.bias"][2] == 3.0);
  BOOST_TEST(a["0.weight"][11] == before["0.weight"][11]);
  BOOST_TEST(a["2.weight"][0] == before["2.weight"][0]);
  BOOST_CHECK_THROW(a.set("0.bias", Array<double>::zeros({5})), shape_error);
  BOOST_CHECK_THROW(a.set("1.bias", Array<double>::zeros({4})), parameter_error);
  BOOST_CHECK_THROW(a.set_flat(Array<double>::zeros({a.size() + 1})), shape_error);
  BOOST_CHECK_THROW(a.slice(4), parameter_error);
}

BOOST_AUTO_TEST_CASE(unknown_names_list_near_ones) {
  const auto a = net().init<float>(0);
  BOOST_TEST(a.contains("2.bias"));
  BOOST_TEST(!a.contains("1.bias"));
  try {
    a["2.wieght"];
    BOOST_ERROR("nothing thrown");
  } catch (const parameter_error& e) {
    BOOST_TEST(std::string(e.what()) == "[parameters] no parameter '2.wieght'. Near: 2.weight, 0.weight.");
  }
  try {
    a["something.else.entirely"];
    BOOST_ERROR("nothing thrown");
  } catch (const parameter_error& e) {
    BOOST_TEST(std::string(e.what()) ==
               "[parameters] no parameter 'something.else.entirely'. There are 0.weight, 0.bias, 2.weight, 2.bias.");
  }
}

BOOST_AUTO_TEST_CASE(cast_keeps_names_and_rounds) {
  const auto a = net().init<double>(7);
  const auto b = a.cast<float>();
  const auto c = net().init<float>(7);
  BOOST_TEST(b.infos()[3].name == "2.bias");
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(b.flat()[i] == static_cast<float>(a.flat()[i]));
  // Initial values of both precisions are the same numbers, rounded.
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(b.flat()[i] == c.flat()[i]);
}

BOOST_AUTO_TEST_SUITE_END()
