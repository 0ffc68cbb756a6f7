#include "server/http/public_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace attune::http {
namespace {

sockaddr_storage address_of(const char* text) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof(v6));
  }
  return storage;
}

bool is_public(const char* text) {
  const sockaddr_storage storage = address_of(text);
  EXPECT_NE(storage.ss_family, 0) << text;
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(PublicAddress, InsideAndReservedAddressesAreNot) {
  for (const char* inside :
       {"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.0.1",
        "198.18.0.1", "198.19.255.255", "203.0.113.9", "224.0.0.1", "255.255.255.255", "::", "::1",
        "fc00::1", "fd12::1", "fe80::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "100::1"}) {
    EXPECT_FALSE(is_public(inside)) << inside;
    EXPECT_FALSE(may_be_public(inside)) << inside;
  }
}

TEST(PublicAddress, NeighboursOfReservedBlocksAre) {
  for (const char* outside :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111",
        "::ffff:1.1.1.1", "2002:101:101::"}) {
    EXPECT_TRUE(is_public(outside)) << outside;
    EXPECT_TRUE(may_be_public(outside)) << outside;
  }
}

TEST(PublicAddress, NamesAreDecidedWhenTheyAreConnectedTo) {
  EXPECT_TRUE(may_be_public("example.org"));
  EXPECT_FALSE(may_be_public("localhost"));
  EXPECT_FALSE(may_be_public("api.localhost"));
  EXPECT_FALSE(may_be_public("[::1]"));
  EXPECT_FALSE(may_be_public("fe80::1%eth0"));
}

TEST(PublicAddress, OtherFamiliesAreNot) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(storage)));
}

}  // namespace
}  // namespace attune::http
