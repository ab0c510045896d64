#pragma once

#include <cstddef>
#include <string>

/// Formats numbers for people to read.
namespace xtangent::examples {

/// `decimals` digits behind the point: 0.213.
std::string fixed(double value, int decimals);
/// `digits` significant digits. Between 0.001 and a million there is no exponent; other numbers look like 3.1e+07.
std::string significant(double value, int digits = 3);
/// The fewest digits that read back as the same number, for an option: 1000, 0.1, 1e-05.
std::string digits_of(double value);
/// An exponent: −0.53, with a true minus sign.
std::string power(double exponent);
/// Rounded, with thousands separated: 12,345.
std::string grouped(double value);
/// 0.9525 as 95.3 %.
std::string percent(double fraction);
/// 0.0123 as 12 ms, 3.21 as 3.2 s.
std::string seconds(double value);
/// A number of bytes in B, KiB, MiB or GiB.
std::string bytes(double value);
/// "1 width", "5 widths".
std::string plural(std::size_t count, const std::string& noun);

/// Text for HTML: & < > " escaped.
std::string escaped(const std::string& text);

}  // namespace xtangent::examples
