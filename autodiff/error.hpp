#pragma once

#if __cplusplus < 202002L
#error "xtangent needs C++20: compile with -std=c++20."
#include "xtangent needs -std=c++20"  // ends the compilation here instead of an error for each line that follows
#endif

#include <stdexcept>
#include <string>

/// The types of all errors that a user can cause. Messages have the form "[op or function] what: shapes or values.
/// hint".
namespace xtangent {

/// Base of all errors of this library. Besides them, std::bad_alloc and what a callback of yours throws come through.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Arguments whose shapes do not fit the operation.
struct shape_error : error {
  using error::error;
};

/// A Var of another tape or of a rewound part of a tape, or a Var that a sweep cannot reach.
struct tape_error : error {
  using error::error;
};

/// An op without the rule that was asked for, or a rule that returned something that does not fit.
struct rule_error : error {
  using error::error;
};

/// A per-example derivative was asked for, of a value in which examples are mixed.
struct batch_error : error {
  using error::error;
};

/// A file or an array of data that is truncated, corrupt, or out of range.
struct data_error : error {
  using error::error;
};

/// A file that the system does not open or read, whatever is in it.
struct file_error : data_error {
  using data_error::data_error;
};

/// The name of a parameter or layer that a network does not have or has twice, or the parameters of another network.
struct parameter_error : error {
  using error::error;
};

/// A setting outside of its range.
struct option_error : error {
  using error::error;
};

/// A memory budget that cannot be kept.
struct memory_error : error {
  using error::error;
};

/// NaN, infinity, or a matrix that a factorization cannot handle.
struct numerical_error : error {
  using error::error;
};

}  // namespace xtangent
