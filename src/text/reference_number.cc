#include "text/reference_number.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/check.h"

namespace attune::text {
namespace {

constexpr int kExponentMax = 308;  // of serde_json's table of powers

double power_of_ten(int exponent) {
  static const std::array<double, kExponentMax + 1> table = [] {
    std::array<double, kExponentMax + 1> powers{};
    for (int i = 0; i <= kExponentMax; ++i) {
      powers[static_cast<size_t>(i)] = std::strtod(fmt::format("1e{}", i).c_str(), nullptr);
    }
    return powers;
  }();
  return table[static_cast<size_t>(exponent)];
}

}  // namespace

double as_reference_reads(double value) {
  std::array<char, 40> buffer{};
  auto [end, failed] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::scientific);
  CHECK(failed == std::errc(), "40 characters hold any double");
  std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  bool negative = text.starts_with('-');
  size_t mark = text.find('e');
  int exponent = std::atoi(buffer.data() + mark + 1);
  uint64_t digits = 0;
  bool fraction = false;
  for (char c : text.substr(0, mark)) {
    if (c == '.') fraction = true;
    if (c < '0' || c > '9') continue;
    digits = digits * 10 + static_cast<uint64_t>(c - '0');
    if (fraction) --exponent;
  }
  auto result = static_cast<double>(digits);
  for (; exponent < -kExponentMax; exponent += kExponentMax) result /= power_of_ten(kExponentMax);
  result = exponent < 0 ? result / power_of_ten(-exponent) : result * power_of_ten(exponent);
  return negative ? -result : result;
}

}  // namespace attune::text
