// The page behind the one-time link of the first start: it makes the first owner's account and
// shows the new API key. Nothing of it comes from elsewhere, and it works without the web
// interface.
#include <string>

#include "base/sha256.h"
#include "server/api/endpoints.h"
#include "server/auth/secrets.h"

namespace attune::api {
namespace {

constexpr const char* kStyle = R"css(
body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }
label { display: block; margin: 1rem 0 0 } input { width: 100%; font: inherit; padding: .4rem }
button { margin-top: 1.5rem; font: inherit; padding: .4rem 1.2rem }
code { overflow-wrap: anywhere } #said { margin-top: 1rem }
)css";

// What the server says is shown as text, never as markup. While it is asked the button is off: the
// refusal of a second click would take the place of the key that is shown once.
constexpr const char* kScript = R"js(
const form = document.querySelector('form'), button = document.querySelector('button');
const said = document.getElementById('said');
const say = text => { said.textContent = text; };
async function makeAccount() {
  const answer = await fetch('api/attune/v1/setup', {
    method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({token: location.hash.slice(1), username: form.username.value,
                          password: form.password.value})});
  const body = await answer.json();
  if (answer.status === 201) {
    form.remove();
    history.replaceState(null, '', location.pathname);
    say('Done. Your API key, which is not shown again: ');
    said.appendChild(document.createElement('code')).textContent = body.user.api_key;
  } else if (typeof body.detail === 'string') {
    say(body.detail);
  } else {
    const {errors = [], detail} = body.detail.params || {};
    say(detail || errors.map(one => one.loc.at(-1) + ': ' + one.msg).join('; '));
  }
}
form.addEventListener('submit', async event => {
  event.preventDefault();
  button.disabled = true;
  say('');
  try {
    await makeAccount();
  } catch (error) {
    say('The server did not answer as it should (' + error.message + '): try again');
  }
  button.disabled = false;
});
if (location.hash.length < 2) say('Open the whole link that the server printed, with its # part.');
)js";

std::string page() {
  return std::string(R"html(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Attune: the first account</title>
<meta name="viewport" content="width=device-width"><style>)html") +
         kStyle + R"html(</style>
<h1>The first account</h1>
<p>It will own this server: make people's accounts and work spaces with it.</p>
<form><label>User name <input name="username" autocomplete="username" required></label>
<label>Password, at least 8 characters
<input name="password" type="password" minlength="8" autocomplete="new-password" required></label>
<button>Make the account</button></form><p id="said" role="status"></p>
<script>)html" +
         kScript + "</script></html>\n";
}

std::string hash_source(std::string_view text) {
  const std::string hex = sha256_hex(text);
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return "'sha256-" + auth::to_base64(bytes) + "'";
}

}  // namespace

void add_setup_page(Endpoints& endpoints) {
  http::Response response;
  response.headers.add("Content-Type", "text/html; charset=utf-8");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("Content-Security-Policy",
                       "default-src 'none'; connect-src 'self'; form-action 'none'; base-uri "
                       "'none'; frame-ancestors 'none'; script-src " +
                           hash_source(kScript) + "; style-src " + hash_source(kStyle));
  response.body = page();
  endpoints.push_back({http::Method::kGet, "/setup", Access::kPublic,
                       "The page of the one-time set-up link",
                       [response](const Call&) -> Answer<http::Response> { return response; },
                       {{"type", "text/html"}}});
}

}  // namespace attune::api
