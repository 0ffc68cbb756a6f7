#include "server/api/dispatch.h"

#include <strings.h>

#include <exception>
#include <memory>
#include <utility>

#include "base/log.h"
#include "server/auth/accounts.h"
#include "server/auth/secrets.h"

namespace attune::api {
namespace {

using auth::Credential;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string bearer_of(const http::Request& request) {
  const std::string* header = request.headers.find("Authorization");
  if (!header) return "";
  constexpr std::string_view scheme = "bearer ";
  const std::string_view value = *header;
  if (value.size() <= scheme.size()) return "";
  for (size_t i = 0; i < scheme.size(); ++i) {
    const char lower = static_cast<char>(value[i] | 0x20);  // letters and the blank alone
    if (lower != scheme[i]) return "";
  }
  return std::string(trimmed(value.substr(scheme.size())));
}

bool changes_something(http::Method method) {
  return method != http::Method::kGet && method != http::Method::kHead &&
         method != http::Method::kOptions;
}

// Other sites can send a browser's cookie along, but can neither read the token nor set a header.
Answer<void> check_csrf(const http::Request& request, const auth::Identity& identity) {
  if (identity.credential != Credential::kCookie || !changes_something(request.method)) return {};
  const std::string* token = request.headers.find("X-CSRF-Token");
  if (token && auth::same_secret(*token, identity.csrf_token)) return {};
  return forbidden("The X-CSRF-Token header is missing or is not the session's own");
}

Answer<auth::Identity> known(Result<std::optional<auth::Identity>> found, std::string text) {
  std::optional<auth::Identity> identity = TRY(std::move(found));
  if (!identity) return unauthorized(std::move(text));
  return std::move(*identity);
}

Answer<auth::Identity> authenticate(Services& services, const http::Request& request) {
  CHECK(services.accounts, "endpoints with users need accounts");
  const std::string could_not = "Could not validate credentials";
  if (const std::string* key = request.headers.find("X-Argilla-Api-Key")) {
    return known(services.accounts->of_key(*key), could_not);
  }
  if (std::string token = bearer_of(request); !token.empty()) {
    return known(services.accounts->of_session(token, Credential::kBearer), "Invalid token");
  }
  if (std::string cookie = cookie_of(request, kSessionCookie); !cookie.empty()) {
    return known(services.accounts->of_session(cookie, Credential::kCookie), could_not);
  }
  return unauthorized();
}

Answer<void> check_scope(const Endpoint& endpoint, const auth::Identity& identity) {
  const auth::Scope needed = scope_of(endpoint);
  if (identity.scope >= needed) return {};
  return forbidden(fmt::format("This API key has the scope `{}`; the call needs `{}`",
                               auth::to_string(identity.scope), auth::to_string(needed)));
}

Answer<http::Response> answer(Services& services, const Endpoint& endpoint,
                              const http::Request& request) {
  Call call{request, services, std::nullopt, "", {}};
  if (endpoint.access != Access::kPublic) {
    call.identity = TRY(authenticate(services, request));
    services.settings.committed(call.identity.generation);
    TRY(check_csrf(request, call.identity));
    TRY(check_scope(endpoint, call.identity));
    if (!admits(endpoint.access, call.identity.user.role)) return forbidden();
    call.user = call.identity.user;
    if (call.identity.credential == Credential::kKey) {
      call.presented_key = *request.headers.find("X-Argilla-Api-Key");
    }
  } else if (request.body.size() > kStrangersBodyBytes) {
    return detail(413, fmt::format("The body of this call has at most {} bytes",
                                   kStrangersBodyBytes));
  }
  return endpoint.handle(call);
}

http::Response response_of(const Failure& failure, const http::Request& request) {
  if (failure.status >= 500) {
    log_error("request {} {} {}: {}", request.id, http::to_string(request.method), request.path,
              failure.cause ? failure.cause->message() : to_line(failure.body));
  }
  http::Response response = http::json_response(failure.status, failure.body);
  if (failure.status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

http::Response serve(Services& services, const Endpoint& endpoint, const http::Request& request) {
  try {
    Answer<http::Response> answered = answer(services, endpoint, request);
    if (answered.ok()) return std::move(answered).value();
    return response_of(answered.error(), request);
  } catch (const std::exception& error) {
    return response_of(internal_failure(Error(ErrorCode::kInternal, error.what())), request);
  }
}

}  // namespace

std::string cookie_of(const http::Request& request, std::string_view name) {
  for (const auto& [field, value] : request.headers.all()) {
    if (field.size() != 6 || strncasecmp(field.c_str(), "cookie", 6) != 0) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t end = rest.find(';');
      const std::string_view pair = trimmed(rest.substr(0, end));
      const size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return std::string(pair.substr(equals + 1));
      }
      rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    }
  }
  return "";
}

http::BodyLimit body_limit_of(const http::Request& head, size_t bytes) {
  if (head.headers.find("X-Argilla-Api-Key") != nullptr || !bearer_of(head).empty() ||
      !cookie_of(head, kSessionCookie).empty()) {
    return {.bytes = bytes};
  }
  return {.bytes = kStrangersBodyBytes,
          .text = fmt::format("without credentials a body has at most {} bytes: send an API key in "
                              "X-Argilla-Api-Key",
                              kStrangersBodyBytes)};
}

http::Router make_router(Services& services, const Endpoints& endpoints) {
  http::Router router;
  for (const Endpoint& endpoint : endpoints) {
    auto shared = std::make_shared<const Endpoint>(endpoint);
    router.add({endpoint.method, endpoint.path, [&services, shared](const http::Request& request) {
                  return serve(services, *shared, request);
                }});
  }
  router.on_miss([](const http::Request& request, int status) {
    return response_of(detail(status, status == 405 ? "Method Not Allowed" : "Not Found"),
                       request);
  });
  return router;
}

}  // namespace attune::api
