// From the table of endpoints to a router: who calls, whether they may, what the handler answers
// and how a refusal or an accident looks.
//
// Credentials, the first that is there: X-Argilla-Api-Key; Authorization: Bearer TOKEN (of POST
// /token); the cookie `attune_session` of a browser, where a method that changes something also
// needs the header X-CSRF-Token (the session's token, from POST or GET /api/attune/v1/session).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/api/endpoint.h"
#include "server/http/router.h"

namespace attune::api {

inline constexpr std::string_view kSessionCookie = "attune_session";
// What anybody may make the server hold and read: more than a login or a set-up needs.
inline constexpr size_t kStrangersBodyBytes = 64 << 10;

// `services` outlives the router. Unknown paths are 404 {"detail":"Not Found"}, other methods of
// known ones 405 {"detail":"Method Not Allowed"}, whatever a handler throws 500.
http::Router make_router(Services& services, const Endpoints& endpoints);

// For http::ServerOptions: `bytes` where credentials came, whatever they are worth (to look that up
// takes the data base), and kStrangersBodyBytes without any.
http::BodyLimit body_limit_of(const http::Request& head, size_t bytes);

// The value of a cookie of the request, or "".
std::string cookie_of(const http::Request& request, std::string_view name);

}  // namespace attune::api
