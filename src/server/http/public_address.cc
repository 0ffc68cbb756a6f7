#include "server/http/public_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace attune::http {
namespace {

struct Block {
  uint32_t first;
  int bits;
};

constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's registry of special-purpose addresses, IPv4.
constexpr std::array kNotPublic = {
    Block{ip(0, 0, 0, 0), 8},       Block{ip(10, 0, 0, 0), 8},     Block{ip(100, 64, 0, 0), 10},
    Block{ip(127, 0, 0, 0), 8},     Block{ip(169, 254, 0, 0), 16}, Block{ip(172, 16, 0, 0), 12},
    Block{ip(192, 0, 0, 0), 24},    Block{ip(192, 0, 2, 0), 24},   Block{ip(192, 88, 99, 0), 24},
    Block{ip(192, 168, 0, 0), 16},  Block{ip(198, 18, 0, 0), 15},  Block{ip(198, 51, 100, 0), 24},
    Block{ip(203, 0, 113, 0), 24},  Block{ip(224, 0, 0, 0), 4},    Block{ip(240, 0, 0, 0), 4},
};

bool is_public_v4(uint32_t address) {
  for (const Block& block : kNotPublic) {
    const uint32_t mask = ~uint32_t{0} << (32 - block.bits);
    if ((address & mask) == block.first) return false;
  }
  return true;
}

uint32_t v4_at(const uint8_t* bytes) {
  return ip(bytes[0], bytes[1], bytes[2], bytes[3]);
}

bool is_public_v6(const uint8_t* bytes) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  if (std::memcmp(bytes, kMapped, 12) == 0) return is_public_v4(v4_at(bytes + 12));
  if (std::memcmp(bytes, kNat64, 12) == 0) return is_public_v4(v4_at(bytes + 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public_v4(v4_at(bytes + 2));  // 6to4
  const bool is_global_unicast = (bytes[0] & 0xe0) == 0x20;  // 2000::/3
  const bool is_documentation =
      bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8;
  const bool is_protocol = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 2;  // 2001::/23
  return is_global_unicast && !is_documentation && !is_protocol;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    return is_public_v6(v6.sin6_addr.s6_addr);
  }
  return false;
}

bool may_be_public(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host.substr(0, host.find('%')));
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return is_public_v4(ntohl(v4.s_addr));
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return is_public_v6(v6.s6_addr);
  return text != "localhost" && !text.ends_with(".localhost");
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace attune::http
