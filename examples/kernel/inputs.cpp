#include "examples/common/files.hpp"
#include "examples/kernel/work.hpp"

namespace xtangent::examples {

template <class T>
Work<T> prepare_inputs(const Settings& s) {
  FileExamples<T> read = read_examples<T>(s.program, s.files, s.network, s.width, {s.n, s.test}, s.seed);
  Work<T> work{read.net,  std::move(read.params),       read.train,
               read.test, std::move(read.train_labels), std::move(read.test_labels),
               "examples"};
  load_and_show(work, s, read.width, read.described);
  return work;
}

template Work<float> prepare_inputs(const Settings&);
template Work<double> prepare_inputs(const Settings&);

}  // namespace xtangent::examples
