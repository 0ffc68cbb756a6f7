// Which addresses of the network belong to everybody. A server that calls addresses which its users
// wrote (webhooks, model endpoints) must not be led to itself, its neighbours or the metadata of a
// cloud: those are not public.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace attune::http {

// False for loopback, private, link-local, shared (100.64/10), multicast, reserved and
// documentation addresses of IPv4 and IPv6, for IPv6 that wraps one of them (mapped, NAT64, 6to4),
// and for families that are neither. To be asked of the address that is connected to, not of a
// name: a name may mean something else a moment later.
bool is_public_address(const sockaddr& address);

// The same for a text "10.0.0.1" or "::1" or "[::1]"; true where the text is no address but a name.
bool may_be_public(std::string_view host);

// Whether an address is this machine's own: 127.x.x.x or ::1.
bool is_loopback(std::string_view address);

}  // namespace attune::http
