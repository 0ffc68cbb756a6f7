// The page behind the one-time link of the first start: it makes the first owner's account and
// shows the new API key. Nothing of it comes from elsewhere, and it works without the web
// interface.
#pragma once

#include "server/api/endpoint.h"

namespace attune::server {

void add_setup_page(api::Endpoints& endpoints);

}  // namespace attune::server
