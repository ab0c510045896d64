#pragma once

#include "ntk/preconditioners.hpp"

namespace xtangent::ntk {

/// Makes SolvePreconditioner::nearest with factors in F.
template <class F, class T>
HeldPreconditioner nearest_preconditioner(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                          std::size_t outputs, const PreconditionerOptions& options);

}  // namespace xtangent::ntk
