// Checks what several ranks do together, with threads as ranks: sums, slices, blocks, operators, conjugate gradients,
// and what they cost.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/distributed/block_cyclic.hpp"
#include "ntk/distributed/cost.hpp"
#include "ntk/operator.hpp"
#include "ntk/solve.hpp"
#include "tests/ntk/thread_ranks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using Ranks = std::shared_ptr<ntk::Communicator>;

namespace {

template <class T>
std::vector<T> numbers_of(std::size_t rank, std::size_t n) {
  Random random("rank " + std::to_string(rank));
  std::vector<T> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(static_cast<T>(random.uniform(-1, 1) * std::pow(10.0, i % 9)));
  return out;
}

// Sums of ranks have the bits of a loop over the ranks, and each rank has them.
template <class T>
void expect_sums(std::size_t ranks, std::size_t n) {
  std::vector<T> expected = numbers_of<T>(0, n);
  for (std::size_t r = 1; r < ranks; ++r) {
    const std::vector<T> more = numbers_of<T>(r, n);
    for (std::size_t i = 0; i < n; ++i) expected[i] += more[i];
  }
  const auto found = on_ranks(ranks, [&](const Ranks& all) {
    std::vector<T> x = numbers_of<T>(all->rank(), n);
    all->all_reduce(x);
    return std::pair(x, all->traffic());
  });
  const ntk::RankCost cost = ntk::all_reduce_cost(n, ranks, sizeof(T));
  for (const auto& [x, traffic] : found) {
    BOOST_TEST((x == expected));
    BOOST_TEST(static_cast<double>(traffic.messages) == cost.messages);
    BOOST_TEST(traffic.bytes == cost.bytes);
  }
}

struct Problem {
  nn::AnyModule net = nn::mlp({6, 20, 3});
  nn::Parameters<double> params = net->init<double>(1);
  Array<double> x, x_new, y;
  Problem() {
    Random random("problem");
    x = random_array(random, {11, 6});
    x_new = random_array(random, {3, 6});
    y = random_array(random, {11, 3});
  }
};

Array<double> joined(const std::vector<Array<double>>& parts) {
  std::vector<double> values;
  for (const Array<double>& part : parts) values.insert(values.end(), part.data(), part.data() + part.size());
  const std::size_t width = parts.front().shape()[1];
  return Array<double>::from({values.size() / width, width}, values);
}

template <class T>
Array<T> own(const Array<T>& x, const Ranks& ranks) {
  const Range slice = ntk::slices(x.shape()[0], ranks->size())[ranks->rank()];
  return x.rows(slice.first, slice.last);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ranks)

BOOST_AUTO_TEST_CASE(sums_have_the_same_bits_on_every_rank) {
  for (std::size_t count : {1, 2, 3, 4, 7})
    for (std::size_t n : {0, 1, 5, 1024, 1025, 5000}) {
      BOOST_TEST_CONTEXT(count << " ranks, " << n << " numbers") {
        expect_sums<double>(count, n);
        expect_sums<float>(count, n);
      }
    }
}

BOOST_AUTO_TEST_CASE(what_one_rank_has_reaches_all) {
  for (std::size_t count : {1, 2, 5}) {
    const auto found = on_ranks(count, [&](const Ranks& all) {
      std::vector<double> told = {double(all->rank()), 7}, parts(2 * count + 1, -1.0);
      all->broadcast(told, count - 1);
      const std::vector<Range> slices = ntk::slices(parts.size(), count);
      for (std::size_t i = slices[all->rank()].first; i < slices[all->rank()].last; ++i) parts[i] = double(i);
      all->all_gather(parts, slices);
      all->barrier();
      parts.push_back(told[0]);
      parts.push_back(all->least(10 - double(all->rank())));
      return parts;
    });
    for (const std::vector<double>& parts : found) {
      for (std::size_t i = 0; i <= 2 * count; ++i) BOOST_TEST(parts[i] == double(i));
      BOOST_TEST(parts[2 * count + 1] == double(count - 1));
      BOOST_TEST(parts[2 * count + 2] == 11 - double(count));
    }
  }
  const auto wrong = [](const Ranks& all) {
    std::vector<double> x(4);
    all->all_gather(x, ntk::slices(3, 1));
    return 0;
  };
  BOOST_TEST(
      has(message_of<shape_error>([&] { on_ranks(1, wrong); }), "[all_gather] 1 parts of 4 numbers for 1 ranks"));
  const auto from_nobody = [](const Ranks& all) {
    std::vector<double> x(4);
    all->broadcast(x, 1);
    return 0;
  };
  BOOST_TEST(has(message_of<option_error>([&] { on_ranks(1, from_nobody); }), "[broadcast] from rank 1 of 1"));
}

BOOST_AUTO_TEST_CASE(every_element_belongs_to_one_rank) {
  for (std::size_t count : {1, 2, 3, 4, 6, 7, 12})
    for (std::size_t n : {1, 10, 33})
      for (std::size_t block : {1, 4, 40}) {
        const ntk::BlockCyclic layout{n, block, ntk::process_grid(count)};
        BOOST_TEST(layout.grid.rows * layout.grid.columns == count);
        BOOST_TEST(layout.grid.rows <= layout.grid.columns);
        std::set<std::pair<std::size_t, std::size_t>> seen;
        std::size_t elements = 0;
        for (std::size_t r = 0; r < count; ++r) {
          const auto rows = ntk::numbers(layout.rows(r)), columns = ntk::numbers(layout.columns(r));
          BOOST_TEST(rows.size() == ntk::total(layout.rows(r)));
          elements += rows.size() * columns.size();
          for (std::size_t i : rows)
            for (std::size_t j : columns) {
              seen.insert({i, j});
              BOOST_TEST(j / block % layout.grid.rows == r / layout.grid.columns);
              BOOST_TEST(i / block % layout.grid.columns == r % layout.grid.columns);
            }
        }
        BOOST_TEST(elements == n * n);
        BOOST_TEST(seen.size() == n * n);
      }
  BOOST_TEST(ntk::block_rows(50000, 16) == 128u);
  BOOST_TEST(ntk::block_rows(10, 4) == 1u);
  BOOST_TEST(ntk::block_rows(50000, 16, 400) == 400u);
  BOOST_TEST(ntk::block_rows(50000, 16, 2000) == 500u);
  BOOST_TEST(ntk::block_rows(1, 4, 1) == 1u);
}

BOOST_AUTO_TEST_CASE(products_over_ranks_are_those_of_one_process) {
  const Problem p;
  Random random("columns");
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo(), ntk::readout::trace()}) {
    const ntk::Operator<double> square(*p.net, p.params, p.x, readout),
        between(*p.net, p.params, p.x_new, p.x, readout);
    const std::size_t width = square.rows() / p.x.shape()[0];
    for (std::size_t m : {1, 4}) {
      const Array<double> u = random_array(random, {p.x.shape()[0], width * m});
      const Array<double> expected = square(u.reshaped({square.rows(), m})),
                          expected_new = between(u.reshaped({square.rows(), m}));
      for (std::size_t count = 1; count <= 5; ++count) {
        BOOST_TEST_CONTEXT(readout.name() << ", " << m << " columns, " << count << " ranks") {
          const auto found = on_ranks(count, [&](const Ranks& all) {
            const ntk::OperatorOptions options{.ranks = all};
            const ntk::Operator<double> theta(*p.net, p.params, own(p.x, all), readout, options);
            // The last ranks have no new example.
            const ntk::Operator<double> to_new(*p.net, p.params, own(p.x_new, all), own(p.x, all), readout, options);
            const Array<double> mine = own(u, all).reshaped({theta.rows(), m});
            return std::pair(theta(mine), to_new(mine));
          });
          std::vector<Array<double>> rows, rows_new;
          for (const auto& [a, b] : found) {
            rows.push_back(a);
            rows_new.push_back(b);
          }
          BOOST_TEST(difference(joined(rows), expected) < 1e-12);
          BOOST_TEST(difference(joined(rows_new), expected_new) < 1e-12);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_product_sums_the_parameters_once) {
  const Problem p;
  for (std::size_t count : {2, 3}) {
    const auto found = on_ranks(count, [&](const Ranks& all) {
      const ntk::Operator<double> theta(*p.net, p.params, own(p.x, all), ntk::readout::full(), {.ranks = all});
      theta(Array<double>::ones({theta.rows(), 1}));
      return all->traffic();
    });
    for (const ntk::Traffic& traffic : found) {
      BOOST_TEST(traffic.calls == 1u);
      BOOST_TEST(traffic.bytes == ntk::all_reduce_cost(p.params.size(), count).bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(ranks_count_the_operations_of_their_slices) {
  const Problem p;
  const double all_flop = ntk::Operator<double>(*p.net, p.params, p.x).flop();
  BOOST_TEST(all_flop > 0);
  for (std::size_t count : {2, 3, 4}) {
    const auto flop = on_ranks(count, [&](const Ranks& all) {
      return ntk::Operator<double>(*p.net, p.params, own(p.x, all), ntk::readout::full(), {.ranks = all}).flop();
    });
    const auto modelled = [&](double product) {
      return ntk::iteration_cost({.examples = 11,
                                  .outputs = 3,
                                  .parameters = p.params.size(),
                                  .ranks = count,
                                  .product_flop = product,
                                  .preconditioner = false})
          .flop;
    };
    const double mean = std::accumulate(flop.begin(), flop.end(), 0.0) / static_cast<double>(count);
    BOOST_TEST(std::abs(mean / (modelled(all_flop) - modelled(0)) - 1) < 1e-12);
    // No rank has more than one example above the mean.
    BOOST_TEST(*std::max_element(flop.begin(), flop.end()) <= mean + all_flop / 11);
  }
}

BOOST_AUTO_TEST_CASE(weights_over_ranks_are_those_of_one_process) {
  const Problem p;
  for (const bool float_products : {false, true}) {
    const ntk::SolveOptions options{.ridge = 0.1,
                                    .tolerance = 1e-13,
                                    .preconditioner = ntk::SolvePreconditioner::none,
                                    .float_products = float_products};
    const ntk::Solution alone = ntk::solve(*p.net, p.params, p.x, p.y, options);
    for (std::size_t count = 1; count <= 4; ++count) {
      const auto found = on_ranks(count, [&](const Ranks& all) {
        ntk::SolveOptions shared = options;
        shared.ranks = all;
        return ntk::solve(*p.net, p.params, own(p.x, all), own(p.y, all), shared);
      });
      std::vector<Array<double>> weights;
      for (const ntk::Solution& part : found) {
        weights.push_back(part.weights);
        BOOST_TEST(part.residual == found.front().residual);
        BOOST_TEST(part.residual <= 1e-13);
        BOOST_TEST(part.iterations == found.front().iterations);
      }
      BOOST_TEST(difference(joined(weights), alone.weights) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_iteration_costs_what_the_model_says) {
  const Problem p;
  for (std::size_t count : {2, 3, 4}) {
    const auto sent = [&](std::size_t iterations) {
      return on_ranks(count, [&](const Ranks& all) {
        ntk::solve(*p.net, p.params, own(p.x, all), own(p.y, all),
                   {.tolerance = 1e-15,
                    .max_iterations = iterations,
                    .preconditioner = ntk::SolvePreconditioner::none,
                    .partial = true,
                    .ranks = all});
        return all->traffic();
      });
    };
    const ntk::RankCost cost = ntk::iteration_cost(
        {.examples = 11, .outputs = 3, .parameters = p.params.size(), .ranks = count, .preconditioner = false});
    const auto few = sent(2), more = sent(5);
    for (std::size_t r = 0; r < count; ++r) {
      BOOST_TEST(static_cast<double>(more[r].messages - few[r].messages) == 3 * cost.messages);
      BOOST_TEST(more[r].bytes - few[r].bytes == 3 * cost.bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(costs_fall_as_ranks_are_added) {
  ntk::SolveWork work{.examples = 50000, .outputs = 10, .parameters = 11'000'000, .ranks = 1, .product_flop = 1e15};
  BOOST_TEST(ntk::iteration_cost(work).messages == 0);
  BOOST_TEST(ntk::iteration_cost(work).flop == 1e15 + 2 * 50000.0 * 500000.0);
  double before = ntk::iteration_cost(work).seconds({});
  for (work.ranks = 2; work.ranks <= 64; work.ranks *= 2) {
    const double now = ntk::iteration_cost(work).seconds({});
    BOOST_TEST(now < before);
    before = now;
  }
  const ntk::RankCost factor = ntk::factorization_cost(1000, 100, 4);
  BOOST_TEST(factor.flop == 1e9 / 12);
  BOOST_TEST(factor.bytes == 8 * 1e6 / 4);
  BOOST_TEST(ntk::factorization_cost(1000, 100, 1).bytes == 0);
}

BOOST_AUTO_TEST_CASE(a_rank_without_examples_is_refused) {
  const Problem p;
  const auto build = [&](const Ranks& all) {
    const ntk::Operator<double> theta(*p.net, p.params, own(p.x.rows(0, 1), all), ntk::readout::full(), {.ranks = all});
    return theta.rows();
  };
  BOOST_TEST(has(message_of<option_error>([&] { on_ranks(2, build); }), "rank 1 of 2 has no example"));
  const auto named = [&](const Ranks& all) {
    return ntk::solve(*p.net, p.params, own(p.x, all), own(p.y, all), {.ranks = all}).iterations;
  };
  BOOST_TEST(
      has(message_of<option_error>([&] { on_ranks(2, named); }), "preconditioner pseudo is made by one process"));
}

BOOST_AUTO_TEST_CASE(ranks_of_a_machine_share_its_memory) {
  struct OneOfFour : ntk::SingleRank {
    std::size_t neighbors() const override { return 4; }
  };
  BOOST_TEST(ntk::memory_of_rank(12345, OneOfFour()) == 12345u);
  // Other programs take and give memory meanwhile.
  const auto alone = [] { return static_cast<double>(ntk::memory_of_rank(0, ntk::SingleRank())); };
  const double before = alone(), shared = static_cast<double>(ntk::memory_of_rank(0, OneOfFour())), after = alone();
  BOOST_TEST(shared > 0.8 * std::min(before, after) / 4);
  BOOST_TEST(shared < 1.2 * std::max(before, after) / 4);
}

BOOST_AUTO_TEST_SUITE_END()
