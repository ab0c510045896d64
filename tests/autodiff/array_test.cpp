#include "autodiff/array.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <sstream>

#include "autodiff/var.hpp"
#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

Array<double> counting(const Shape& shape) {
  Array<double> out(shape);
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] = static_cast<double>(i);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(array)

BOOST_AUTO_TEST_CASE(writing_to_a_shared_buffer_copies_it) {
  Array<double> a = Array<double>::from({2, 2}, {1, 2, 3, 4});
  const Array<double> b = a;
  BOOST_TEST(a.data() == b.data());
  BOOST_TEST(!a.unique());
  a.mutable_data()[0] = 9;
  BOOST_TEST(a[0] == 9);
  BOOST_TEST(b[0] == 1);
  BOOST_TEST(a.unique());
  BOOST_TEST(b.unique());
  const double* before = a.data();
  a.mutable_data()[1] = 8;  // not shared any more, so it is changed in place
  BOOST_TEST(a.data() == before);
}

BOOST_AUTO_TEST_CASE(reshapes_and_slices_share_the_buffer) {
  Array<double> a = counting({4, 3});
  const Array<double> flat = a.reshaped({2, 6}), rows = a.rows(1, 3), middle = a.flat_slice(4, {2, 2});
  BOOST_TEST(flat.data() == a.data());
  BOOST_TEST(rows.data() == a.data() + 3);
  BOOST_TEST((rows.shape() == Shape{2, 3}));
  BOOST_TEST(middle.data() == a.data() + 4);
  a.mutable_data()[3] = -1;
  BOOST_TEST(rows[0] == 3.0);
  Array<double> slice = rows;
  slice.mutable_data()[0] = -2;  // copies the slice only
  BOOST_TEST(slice.size() == 6u);
  BOOST_TEST(rows[0] == 3.0);
  BOOST_TEST(slice[5] == rows[5]);
  BOOST_TEST(a.rows(2, 2).size() == 0u);
  BOOST_TEST((Array<double>::zeros({0, 3}).rows(0, 0).shape() == Shape{0, 3}));
  const Array<double> some = flat.rows_at({1, 0, 1});
  BOOST_TEST((some.shape() == Shape{3, 6}));
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(some[i] == flat[6 + i]);
    BOOST_TEST(some[6 + i] == flat[i]);
    BOOST_TEST(some[12 + i] == flat[6 + i]);
  }
  BOOST_TEST((flat.rows_at({}).shape() == Shape{0, 6}));
  BOOST_CHECK_THROW(flat.rows_at({0, 2}), shape_error);
  const Array<double> copy = rows.clone();
  BOOST_TEST(copy.data() != rows.data());
  BOOST_TEST(same_bits(copy, rows));
}

BOOST_AUTO_TEST_CASE(wrong_shapes_are_refused) {
  const Array<double> a = counting({4, 3});
  BOOST_CHECK_THROW(a.reshaped({5}), shape_error);
  BOOST_CHECK_THROW(a.rows(2, 5), shape_error);
  BOOST_CHECK_THROW(a.rows(3, 2), shape_error);
  BOOST_CHECK_THROW(Array<double>::scalar(1).rows(0, 0), shape_error);
  BOOST_CHECK_THROW(a.flat_slice(10, {3}), shape_error);
  BOOST_CHECK_THROW(a.item(), shape_error);
  BOOST_CHECK_THROW(Array<double>().item(), shape_error);
  BOOST_CHECK_THROW(Array<double>::from({2}, {1, 2, 3}), shape_error);
  BOOST_CHECK_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), shape_error);
  BOOST_CHECK_THROW(batched(Array<double>::scalar(1)), shape_error);
}

BOOST_AUTO_TEST_CASE(arrays_too_large_to_be_counted_are_refused) {
  constexpr std::size_t half = std::size_t{1} << 32, most = std::numeric_limits<std::size_t>::max();
  BOOST_CHECK_THROW(Array<float>({half, half}), std::bad_alloc);    // 2^64 elements
  BOOST_CHECK_THROW(Array<float>({most / 4 + 2}), std::bad_alloc);  // 2^64 + 4 bytes
  BOOST_CHECK_THROW(Array<double>({half, half, 5}), std::bad_alloc);
  BOOST_CHECK_THROW(Array<double>::zeros({most}), std::bad_alloc);
  BOOST_TEST(Array<double>({half, half, 0}).size() == 0u);
}

BOOST_AUTO_TEST_CASE(from_xtensor) {
  const xt::xarray<double> x = {{1, 2, 3}, {4, 5, 6}};
  const auto same = [](const Array<double>& a, const Shape& shape, const std::vector<double>& values) {
    BOOST_TEST(same_bits(a, Array<double>::from(shape, values)));
  };
  same(Array<double>(x), {2, 3}, {1, 2, 3, 4, 5, 6});
  same(Array<double>(x * 2.0 + 1.0), {2, 3}, {3, 5, 7, 9, 11, 13});
  same(Array<double>(xt::transpose(x)), {3, 2}, {1, 4, 2, 5, 3, 6});
  same(Array<double>(xt::view(x, xt::all(), 1)), {2}, {2, 5});
  same(Array<double>(xt::view(x, 1, xt::range(2, 0, -1))), {2}, {6, 5});
  same(Array<double>(xt::strided_view(x, {xt::ellipsis(), xt::range(0, 3, 2)})), {2, 2}, {1, 3, 4, 6});
  same(Array<double>(xt::sum(x, {0})), {3}, {5, 7, 9});
  same(Array<double>(xt::broadcast(xt::xarray<double>{1, 2}, {2, 2})), {2, 2}, {1, 2, 1, 2});
  const xt::xarray<double, xt::layout_type::column_major> columns = x;
  same(Array<double>(columns), {2, 3}, {1, 2, 3, 4, 5, 6});
  const xt::xarray<int> integers = {1, 2};
  same(Array<double>(integers), {2}, {1, 2});
  const xt::xtensor<float, 2> fixed = {{1.5F, 2.5F}};
  same(Array<double>(fixed), {1, 2}, {1.5, 2.5});
  same(Array<double>(xt::xarray<double>(4.0)), {}, {4});
  BOOST_TEST(Array<double>(xt::xarray<double>::from_shape({0, 3})).size() == 0u);
  const Var<double> v = x + 1.0;  // a Var from an expression
  same(v.value(), {2, 3}, {2, 3, 4, 5, 6, 7});
}

BOOST_AUTO_TEST_CASE(each_element_of_a_random_expression_is_drawn_once) {
  xt::random::seed(1);
  const Array<double> a(xt::random::rand<double>({20}));
  xt::random::seed(1);
  const xt::xarray<double> expected = xt::random::rand<double>({20});
  BOOST_TEST(same_bits(a, Array<double>(expected)));
}

BOOST_AUTO_TEST_CASE(to_xtensor) {
  const Array<double> a = counting({2, 3});
  const auto view = a.xt();
  BOOST_TEST(view.data() == a.data());
  BOOST_TEST(view(1, 2) == 5.0);
  BOOST_TEST(xt::sum(view)() == 15.0);
  const xt::xarray<double> copy = a.to_xarray(), implicit = a, direct(a);
  BOOST_TEST((copy == implicit));
  BOOST_TEST((copy == direct));
  BOOST_TEST(copy.data() != a.data());
  BOOST_TEST(copy(1, 0) == 3.0);
  const xt::xarray<double, xt::layout_type::column_major> columns = a;
  BOOST_TEST((columns == copy));
  xt::xarray<double> assigned;
  assigned = a;
  BOOST_TEST((assigned == copy));
  BOOST_TEST(same_bits(Array<double>(copy), a));
  const xt::xarray<double> scalar = Array<double>::scalar(2);
  BOOST_TEST(scalar.dimension() == 0u);
  BOOST_TEST(scalar() == 2.0);
}

BOOST_AUTO_TEST_CASE(buffers_are_aligned_and_counted) {
  const std::size_t before = memory_statistics().live;
  {
    const Array<float> a(Shape{1000});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0u);
    const Array<float> shared = a;
    BOOST_TEST(memory_statistics().live == before + 4000);
    reset_peak_memory();
    { const Array<float> more(Shape{500}); }
    BOOST_TEST(memory_statistics().peak == before + 6000);
  }
  BOOST_TEST(memory_statistics().live == before);
  BOOST_TEST(Array<double>(Shape{0}).defined());
  BOOST_TEST(!Array<double>().defined());
}

#if !defined(XTANGENT_SANITIZED)  // sanitizer builds give every block back at once
BOOST_AUTO_TEST_CASE(large_buffers_are_used_again) {
  release_recycled_memory();
  BOOST_TEST(memory_statistics().recycled == 0u);
  const Shape large{std::size_t{1} << 20}, similar{(std::size_t{1} << 20) - 100}, small{1000};
  const float* first = nullptr;
  {
    const Array<float> a(large), b(small);
    first = a.data();
  }
  BOOST_TEST(memory_statistics().recycled >= large.size() * sizeof(float));
  {
    const Array<float> a(similar);
    BOOST_TEST(a.data() == first);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0u);
    BOOST_TEST(memory_statistics().recycled == 0u);
    const Array<float> b(large);
    BOOST_TEST(b.data() != first);
  }
  // Blocks of sizes that are not asked for again do not pile up.
  for (std::size_t megabytes = 8; megabytes < 40; megabytes += 3) Array<float>::zeros({megabytes << 18});
  BOOST_TEST(memory_statistics().recycled <= std::size_t{37 * 3 / 2 + 1} << 20);
  // Neither does a block that could not be had raise the bound.
  BOOST_CHECK_THROW(Array<float>({std::size_t{1} << 58}), std::bad_alloc);
  for (std::size_t megabytes = 8; megabytes < 40; megabytes += 3) Array<float>::zeros({megabytes << 18});
  BOOST_TEST(memory_statistics().recycled <= std::size_t{40 * 3 / 2 + 1} << 20);
  release_recycled_memory();
  BOOST_TEST(memory_statistics().recycled == 0u);
}
#endif

BOOST_AUTO_TEST_CASE(shapes_print_as_in_numpy) {
  const auto text = [](const Shape& s) {
    std::ostringstream out;
    out << s;
    return out.str();
  };
  BOOST_TEST(text({}) == "()");
  BOOST_TEST(text({3}) == "(3,)");
  BOOST_TEST(text({2, 0}) == "(2, 0)");
}

BOOST_AUTO_TEST_CASE(finite_values) {
  BOOST_TEST(all_finite(Array<double>::ones({3})));
  BOOST_TEST(all_finite(Array<double>::ones({0})));
  BOOST_TEST(!all_finite(Array<double>::from({2}, {1, std::nan("")})));
  BOOST_TEST(!all_finite(Array<float>::from({2}, {1, std::numeric_limits<float>::infinity()})));
}

BOOST_AUTO_TEST_CASE(elements_by_their_indices) {
  const Array<double> k = Array<double>::from({2, 3}, {0, 1, 2, 3, 4, 5});
  BOOST_TEST((k(0, 0) == 0.0 && k(0, 2) == 2.0 && k(1, 0) == 3.0 && k(std::size_t{1}, 2L) == 5.0));
  BOOST_TEST(k.reshaped({6})(4) == 4.0);
  BOOST_TEST(k.reshaped({1, 2, 1, 3})(0, 1, 0, 1) == 4.0);
  BOOST_TEST(Array<float>::scalar(7)() == 7.0f);
  BOOST_CHECK_THROW(k(2, 0), shape_error);
  BOOST_CHECK_THROW(k(0, 3), shape_error);
  BOOST_CHECK_THROW(k(-1, 0), shape_error);
  BOOST_CHECK_THROW(k(0), shape_error);
  BOOST_CHECK_THROW(k(0, 0, 0), shape_error);
  BOOST_CHECK_THROW(Array<double>()(), shape_error);
  BOOST_CHECK_THROW(Array<double>({0, 2})(0, 0), shape_error);
  try {
    k(1, 3);
  } catch (const shape_error& e) {
    BOOST_TEST(std::string(e.what()).find("(1, 3) of an array of shape (2, 3)") != std::string::npos, e.what());
  }
}

BOOST_AUTO_TEST_SUITE_END()
