// Kernels whose rows and columns take different numbers of combinations of the outputs, against A_n^T J_n J_m^T B_m
// with Jacobians from one pullback for each output of each example.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "nn/data/npy.hpp"
#include "ntk/certificate.hpp"
#include "ntk/computation/dense_tiles.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/kernel.hpp"
#include "ntk/layer_kernels.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;
using ntk::Labels;

namespace {

// (N, O, P)
Array<double> jacobian_of(const nn::ModuleBase& net, const nn::Parameters<double>& params, const Array<double>& x) {
  std::vector<double> rows;
  std::size_t outputs = 0;
  for (std::size_t n = 0; n < x.shape()[0]; ++n) {
    Tape<double> tape;
    const auto r = net.record(tape, params, Array<double>(x.rows(n, n + 1)));
    outputs = r.output.size();
    for (std::size_t o = 0; o < outputs; ++o) {
      Array<double> seed = Array<double>::zeros(r.output.shape());
      seed.mutable_data()[o] = 1;
      const std::vector<Var<double>> bars = pullback<double>(r.output, Var<double>(seed), r.parameters);
      for (std::size_t p = 0; p < bars.size(); ++p)
        for (std::size_t i = 0; i < r.parameters[p].size(); ++i)
          rows.push_back(bars[p].defined() ? bars[p].value()[i] : 0.0);
    }
  }
  const std::size_t n = x.shape()[0];
  return Array<double>::from({n, outputs, rows.size() / (n * outputs)}, rows);
}

// A^T J, (N C, P), for A (N, O, C) or (N, O).
Array<double> combined(const Array<double>& a, const Array<double>& j) {
  const std::size_t n = j.shape()[0], o = j.shape()[1], p = j.shape()[2], c = a.rank() == 3 ? a.shape()[2] : 1;
  Array<double> out = Array<double>::zeros({n * c, p});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < c; ++k)
      for (std::size_t q = 0; q < o; ++q)
        for (std::size_t at = 0; at < p; ++at)
          out.mutable_data()[(i * c + k) * p + at] += a[(i * o + q) * c + k] * j[(i * o + q) * p + at];
  return out;
}

// A_n^T J_n J_m^T B_m, (N C, M C').
Array<double> contracted(const Array<double>& a, const Array<double>& ja, const Array<double>& b,
                         const Array<double>& jb) {
  return product(combined(a, ja), transposed(combined(b, jb)));
}

Array<double> identities(std::size_t n, std::size_t outputs) {
  Array<double> out = Array<double>::zeros({n, outputs, outputs});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < outputs; ++o) out.mutable_data()[(i * outputs + o) * outputs + o] = 1;
  return out;
}

// softmax(f_n) - e_y, (N, O).
Array<double> loss_gradients(const Array<double>& f, const Labels& y) {
  const std::size_t o = f.shape()[1];
  Array<double> out(f.shape());
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < o; ++j) sum += std::exp(f[i * o + j]);
    for (std::size_t j = 0; j < o; ++j)
      out.mutable_data()[i * o + j] = std::exp(f[i * o + j]) / sum - (y[i] == j ? 1.0 : 0.0);
  }
  return out;
}

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 3));
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"between"};
  Array<double> x = random_array(random, {7, 5}), other = random_array(random, {4, 5});
  Labels y = {1, 0, 2, 1, 0, 2, 1}, y_other = {1, 2, 0, 1};
  Array<double> j = jacobian_of(net, params, x), j_other = jacobian_of(net, params, other);
  Array<double> of_losses = loss_gradients(net(params, x), y);
  // Each example's loss in the rows, all outputs in the columns: of the same examples, and of two sets.
  ntk::Readout own = readout::between(readout::loss(y), readout::full());
  Array<double> expected = contracted(of_losses, j, identities(7, 3), j);
  Array<double> expected_cross = contracted(of_losses, j, identities(4, 3), j_other);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(between)

BOOST_AUTO_TEST_CASE(all_strategies_take_other_columns_than_rows) {
  for (const NetworkRow& row : networks()) {
    if (row.stops_gradients) continue;
    const auto params = row.net->init<double>(3);
    const auto narrow = params.cast<float>();
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    const Array<double> j1 = jacobian_of(*row.net, params, x1), j2 = jacobian_of(*row.net, params, x2);
    const std::size_t o = j1.shape()[1];
    Random random(row.name + "between");
    for (const auto& [c, d] : {std::pair<std::size_t, std::size_t>{1, 3}, {4, 2}}) {
      const Array<double> a = random_array(random, {5, o, c}), b = random_array(random, {3, o, d}),
                          again = random_array(random, {5, o, d});
      const ntk::Readout two = readout::per_example(a, b), one = readout::per_example(a, again);
      const Array<double> expected = contracted(a, j1, b, j2), square = contracted(a, j1, again, j1);
      for (ntk::Strategy strategy : all_strategies)
        for (std::size_t tile : {0, 1, 2}) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          BOOST_TEST_CONTEXT(row.name << ", " << ntk::name(strategy) << ", " << c << " and " << d << ", tiles of "
                                      << tile) {
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, x2, two, options), expected) < 1e-10);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, params, x1, one, options), square) < 1e-10);
            if (strategy == ntk::Strategy::automatic || tile == 1) continue;
            const Array<double> single = ntk::kernel(*row.net, narrow, cast<float>(x1), cast<float>(x2), two, options);
            BOOST_TEST(kernel_difference(single, expected) < 2e-4);
          }
        }
    }
  }
}

BOOST_AUTO_TEST_CASE(losses_with_all_outputs) {
  const Case c;
  const Array<double> k = ntk::kernel(c.net, c.params, c.x, c.own);
  BOOST_TEST((k.shape() == Shape{7, 21}));
  BOOST_TEST(kernel_difference(k, c.expected) < 1e-12);
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.x, c.other, c.own), c.expected_cross) < 1e-12);
  // Turned around, it is the transposed kernel.
  const auto back = readout::between(readout::full(), readout::loss(c.y));
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.x, back), transposed(c.expected)) < 1e-12);
  BOOST_TEST(kernel_difference(ntk::kernel(c.net, c.params, c.other, c.x, back), transposed(c.expected_cross)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(operators_apply_them) {
  const Case c;
  Random random("vectors");
  const Array<double> u = random_array(random, {21, 4}), v = random_array(random, {12, 2});
  for (std::size_t shard : {0, 2}) {
    const ntk::Operator<double> square(c.net, c.params, c.x, c.own, {.shard = shard}),
        cross(c.net, c.params, c.x, c.other, c.own, {.shard = shard});
    BOOST_TEST(square.rows() == 7u);
    BOOST_TEST(square.columns() == 21u);
    BOOST_TEST(cross.columns() == 12u);
    BOOST_TEST(kernel_difference(square(u), product(c.expected, u)) < 1e-12);
    BOOST_TEST(kernel_difference(cross(v), product(c.expected_cross, v)) < 1e-12);
    BOOST_CHECK_THROW(square(v), shape_error);
    BOOST_CHECK_THROW(square.map(), shape_error);
  }
}

BOOST_AUTO_TEST_CASE(stores_and_sinks_keep_them) {
  const Case c;
  const TemporaryFolder folder;
  const auto compute = [&](const char* name, const ntk::Readout& r) {
    return ntk::stored_kernel(c.net, c.params, c.x, r, {.tile = 3, .store = folder / name});
  };
  const Array<double> expected = ntk::kernel(c.net, c.params, c.x, c.own, {.tile = 3});
  const ntk::StoredKernel k = compute("k", c.own);
  BOOST_TEST(k.shape().block == 1u);
  BOOST_TEST(k.shape().column_block == 3u);
  BOOST_TEST((k.shape().tile_shape(0, 2) == Shape{3, 3}));
  BOOST_TEST((k.shape().tile_shape(2, 0) == Shape{1, 9}));
  BOOST_TEST(same_bits(k.matrix(), expected));
  BOOST_TEST(same_bits(k.rows(2, 5), expected.rows(2, 5)));
  k.write_npy(folder / "k.npy");
  BOOST_TEST(same_bits(nn::read_npy<double>(folder / "k.npy"), expected));
  const auto back = readout::between(readout::full(), readout::loss(c.y));
  const ntk::StoredKernel turned = compute("turned", back);
  BOOST_TEST(same_bits(turned.matrix(), ntk::kernel(c.net, c.params, c.x, back, {.tile = 3})));
  BOOST_TEST(same_bits(turned.rows(8, 13), turned.matrix().rows(8, 13)));
  BOOST_CHECK_THROW(turned.map(), shape_error);
  BOOST_TEST(same_bits(compute("k", c.own).matrix(), expected));  // read again
  BOOST_CHECK_THROW(compute("k", back), option_error);
  Array<double> taken;
  struct Keep : ntk::DenseTiles {
    Array<double>& to;
    Keep(const ntk::KernelShape& shape, Array<double>& kept) : DenseTiles(shape), to(kept) {}
    ~Keep() override { to = take(); }
  };
  ntk::kernel_into<double>(
      [&](const ntk::KernelShape& shape) -> std::unique_ptr<ntk::TileSink> {
        BOOST_TEST((shape.shape() == Shape{7, 21}));
        return std::make_unique<Keep>(shape, taken);
      },
      c.net, c.params, c.x, c.own, {.tile = 3});
  BOOST_TEST(same_bits(taken, expected));
}

// A store of two readouts knows the function of its columns, too.
BOOST_AUTO_TEST_CASE(a_store_knows_the_readout_of_its_columns) {
  const Case c;
  const TemporaryFolder folder;
  const auto scaled = [](double scale) {
    return readout::of_outputs("mine", [scale](const auto& f, Range) { return scale * sum(f, {1}); });
  };
  const auto compute = [&](double scale) {
    return ntk::stored_kernel(c.net, c.params, c.x, readout::between(readout::full(), scaled(scale)),
                              {.store = folder / "k"});
  };
  compute(1);
  BOOST_CHECK_NO_THROW(compute(1));
  const std::string message = message_of<option_error>([&] { compute(2); });
  BOOST_TEST(has(message, "outputs"));
}

BOOST_AUTO_TEST_CASE(layers_of_them_sum_up) {
  const Case c;
  Array<double> sum = Array<double>::zeros({7, 21});
  for (const auto& layer : ntk::layer_kernels(c.net, c.params, c.x, c.own)) sum = plus(sum, layer.kernel);
  BOOST_TEST(kernel_difference(sum, c.expected) < 1e-12);
  BOOST_CHECK_THROW(ntk::packed_kernel(c.net, c.params, c.x, c.own), option_error);
  BOOST_CHECK_THROW(ntk::packed_layer_kernels(c.net, c.params, c.x, c.own), shape_error);
}

BOOST_AUTO_TEST_CASE(they_are_differentiable) {
  const Case c;
  Random random("weights");
  const Array<double> w = random_array(random, {7, 21});
  const auto value = [&](const std::vector<Array<double>>& a) {
    return std::vector<Array<double>>{Array<double>::scalar(inner(ntk::kernel(c.net, c.params, a[0], c.own), w))};
  };
  const Var<double> x(c.x);
  BOOST_TEST(kernel_difference(ntk::differentiable_kernel(c.net, c.params, x, x, c.own).value(), c.expected) < 1e-12);
  const auto g = ntk::kernel_gradient(c.net, c.params, c.x, c.x, w, c.own, {.block = 3});
  const Array<double> dx = random_array(random, c.x.shape());
  const double numeric = central_difference(value, {c.x}, {dx})[0][0];
  BOOST_TEST(std::abs(inner(g.x1, dx) + inner(g.x2, dx) - numeric) < 1e-6 * (1 + std::abs(numeric)));
  BOOST_CHECK_THROW(ntk::kernel_gradient(c.net, c.params, c.x, c.x, transposed(w), c.own), shape_error);
}

// Rows with few combinations and columns with many cost what the rows of the one kernel and the columns of the other
// do.
BOOST_AUTO_TEST_CASE(plans_count_both_sides) {
  const nn::AnyModule net = nn::sequential(nn::Linear(20, 30), nn::Relu(), nn::Linear(30, 10));
  const auto params = net->init<double>(1);
  const Array<double> x = Array<double>::ones({40, 20});
  const auto few = readout::single(0), many = readout::full();
  const auto plan = [&](const ntk::Readout& r, const ntk::Readout& s, ntk::Strategy strategy) {
    return ntk::plan(*net, params, x, readout::between(r, s), {.strategy = strategy, .tile = 16});
  };
  for (const ntk::Strategy strategy :
       {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    BOOST_TEST_CONTEXT(ntk::name(strategy)) {
      const ntk::Plan p = plan(few, many, strategy), turned = plan(many, few, strategy),
                      least = plan(few, few, strategy), most = plan(many, many, strategy);
      BOOST_TEST(p.probes == 1u);
      BOOST_TEST(p.column_probes == 10u);
      BOOST_TEST(!p.symmetric);
      BOOST_TEST(p.result_bytes == 8.0 * 40 * 400);
      BOOST_TEST(turned.result_bytes == p.result_bytes);
      for (const ntk::Plan* one : {&p, &turned}) {
        BOOST_TEST(one->flop() >= least.flop());
        BOOST_TEST(one->flop() <= most.flop());
        BOOST_TEST(one->contraction_flop >= least.contraction_flop);
        BOOST_TEST(one->contraction_flop <= most.contraction_flop);
        BOOST_TEST(one->working_bytes > least.working_bytes);
        BOOST_TEST(one->working_bytes < most.working_bytes);
      }
      // Vector products pull back and push forward the probes of the columns only. Otherwise the rows of each panel are
      // swept once with K probes, and the columns beside it with K', so two kernels with sides exchanged sweep as much
      // as one with few and one with many.
      if (strategy == ntk::Strategy::vector_products) {
        BOOST_TEST(p.sweep_flop == most.sweep_flop);
        BOOST_TEST(turned.sweep_flop == least.sweep_flop);
        continue;
      }
      for (const ntk::Plan* one : {&p, &turned, &least, &most})
        BOOST_TEST(one->partition.panel == least.partition.panel);
      BOOST_TEST(std::abs(p.sweep_flop + turned.sweep_flop - least.sweep_flop - most.sweep_flop) <
                 1e-12 * most.sweep_flop);
      BOOST_TEST(p.contraction_flop > least.contraction_flop);
      BOOST_TEST(p.contraction_flop < most.contraction_flop);
      std::ostringstream text;
      text << p;
      BOOST_TEST(has(text.str(), "1 and 10 probes of 10 outputs"));
    }
  }
}

// What a computation holds is within what its plan counts.
BOOST_AUTO_TEST_CASE(memory_is_within_the_plan) {
  const nn::AnyModule net = nn::sequential(nn::Linear(200, 300), nn::Relu(), nn::Linear(300, 12));
  const auto params = net->init<double>(1);
  Random random("memory");
  const Array<double> x = random_array(random, {120, 200});
  const ntk::Readout readouts[] = {readout::between(readout::single(0), readout::full()),
                                   readout::between(readout::full(), readout::single(0))};
  for (const ntk::Readout& r : readouts)
    for (const ntk::Strategy strategy :
         {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
      for (const std::size_t tile : {0, 24}) {
        const ntk::Options options{.strategy = strategy, .tile = tile};
        const ntk::Plan p = ntk::plan(*net, params, x, r, options);
        ntk::kernel(*net, params, x.rows(0, 5), r, options);  // what is made once
        reset_peak_memory();
        const std::size_t before = memory_statistics().live;
        const Array<double> k = ntk::kernel(*net, params, x, r, options);
        BOOST_TEST_CONTEXT(r.name() << ", " << ntk::name(strategy) << ", tiles of " << tile)
        BOOST_TEST(static_cast<double>(memory_statistics().peak - before) <= p.bytes());
      }
}

BOOST_AUTO_TEST_CASE(reductions_need_equal_numbers) {
  const Case c;
  for (const auto reduction : {ntk::Readout::Reduction::trace, ntk::Readout::Reduction::diagonal}) {
    ntk::Readout r = c.own;
    r.reduction = reduction;
    const std::string name = reduction == ntk::Readout::Reduction::trace ? "trace" : "diagonal";
    const auto refused = [&](auto&& f) {
      const std::string message = message_of<shape_error>(f);
      BOOST_TEST_CONTEXT(message)
      BOOST_TEST(has(message, "1 columns of loss and 3 of full for a network of 3 outputs: the " + name));
    };
    refused([&] { ntk::kernel(c.net, c.params, c.x, r); });
    refused([&] { ntk::plan(c.net, c.params, c.x, r); });
    refused([&] { ntk::Operator<double>(c.net, c.params, c.x, r); });
    if (name == "trace")
      refused([&] { ntk::differentiable_kernel(c.net, c.params, Var<double>(c.x), Var<double>(c.x), r); });
  }
  BOOST_CHECK_THROW(ntk::kernel(c.net, c.params, c.x, readout::between(readout::random_signs(1, 2), readout::trace())),
                    shape_error);
}

// Where the pNTK stands for the kernel of a readout: K_nm A_n^T B_m.
BOOST_AUTO_TEST_CASE(certificates_of_readouts) {
  const nn::AnyModule net = nn::sequential(nn::Linear(5, 20), nn::Relu(), nn::Linear(20, 3));
  const auto params = net->init<double>(2);
  const std::size_t n = 40;
  Random random("certified");
  const Array<double> x = random_array(random, {n, 5});
  Labels y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = i * 5 % 3;
  const Array<double> pntk = ntk::pntk(*net, params, x), f = (*net)(params, x);
  const Array<double> losses = loss_gradients(f, y), all = identities(n, 3);
  const Array<double> j = jacobian_of(*net, params, x);
  const auto exact = [&](const Array<double>& a, const Array<double>& b) {
    const Array<double> k = contracted(a, j, b, j);
    const std::size_t c = k.shape()[0] / n, d = k.shape()[1] / n;
    double off = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t m = 0; m < n; ++m)
        for (std::size_t p = 0; p < c; ++p)
          for (std::size_t q = 0; q < d; ++q) {
            double taken = 0;
            for (std::size_t o = 0; o < 3; ++o) taken += a[(i * 3 + o) * c + p] * b[(m * 3 + o) * d + q];
            const double difference = k[(i * c + p) * n * d + m * d + q] - pntk[i * n + m] * taken;
            off += difference * difference;
          }
    return std::sqrt(off / inner(k, k));
  };
  struct Row {
    ntk::Readout readout;
    double expected;
  };
  const Row rows[] = {{readout::full(), exact(all, all)},
                      {readout::loss(y), exact(losses, losses)},
                      {readout::between(readout::loss(y), readout::full()), exact(losses, all)},
                      {readout::between(readout::full(), readout::loss(y)), exact(all, losses)}};
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.readout.name()) {
      const auto all_pairs = ntk::certificate(*net, params, x, row.readout, pntk, {.group_size = n});
      BOOST_TEST(std::abs(all_pairs.estimate - row.expected) < 1e-10);
      const auto drawn = ntk::certificate(*net, params, x, row.readout, pntk, {.groups = 40, .confidence = 0.999});
      BOOST_TEST(drawn.low < row.expected);
      BOOST_TEST(drawn.high > row.expected);
      BOOST_TEST(drawn.high < 2 * row.expected);
    }
  }
  const auto usual = ntk::certificate(*net, params, x, pntk),
             same = ntk::certificate(*net, params, x, rows[0].readout, pntk);
  BOOST_TEST(std::abs(usual.estimate - same.estimate) < 1e-12);
  BOOST_TEST(std::abs(usual.high - same.high) < 1e-9);
  const std::string refused =
      message_of<option_error>([&] { ntk::certificate(*net, params, x, readout::trace(), pntk); });
  BOOST_TEST(has(refused, "[certificate] the readout trace keeps only a part of each block"));
  BOOST_CHECK_THROW(ntk::certificate(*net, params, x, readout::loss(Labels{1, 2}), pntk), shape_error);
  BOOST_CHECK_THROW(ntk::certificate(*net, params, x, readout::full(), pntk.rows(0, 5)), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
