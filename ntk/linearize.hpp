#pragma once

#include <cstddef>

#include "nn/module.hpp"

/// Networks that are replaced by their Taylor expansion in the parameters.
///
/// The results are networks with the parameters of the original one. They are evaluated at any parameters, recorded,
/// trained and taken through kernels like every other network:
///
///   const nn::AnyModule line = ntk::linearize(net, params);
///   const Array<double> outputs = (*line)(trained, x);  // f(params, x) + J(params, x) (trained - params)
///
/// Lee et al., Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent, 2019; Bai and Lee,
/// Beyond Linearization: On Quadratic and Higher-Order Approximation of Wide Neural Networks, 2020.
namespace xtangent::ntk {

/// The expansion of order 1 around `params`, which is linear in the parameters: f(theta0) + J (theta - theta0). Its NTK
/// is the same at all parameters, and training it is what dynamics.hpp computes. Cost of an
/// evaluation: one pass in forward mode, which is two to three evaluations of the network. No Jacobian is formed. The
/// arrays that are not trained, such as running means, are those of the parameters at which it is evaluated. Throws
/// parameter_error (the parameters are those of another network).
template <class T>
nn::AnyModule linearize(nn::AnyModule net, const nn::Parameters<T>& params);

/// The expansion of any order around `params`: the sum over j up to `order` of D^j f(theta0) (theta - theta0)^j / j!. A
/// network that is a polynomial of this order in its parameters is reproduced exactly; order 0 is the constant
/// f(theta0). Cost: forward mode nested in itself, about 3^order evaluations of the network in time and 2^order in
/// memory. Throws parameter_error (the parameters are those of another network).
template <class T>
nn::AnyModule taylor_expand(nn::AnyModule net, const nn::Parameters<T>& params, std::size_t order);

}  // namespace xtangent::ntk
