// `attune-engine serve`: loads a model and answers one client on a Unix socket.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace attune::engine::serve {

// Runs until the client closes the socket. The socket exists before the model is loaded, so a
// client can connect at once; when loading fails the client is told why, and the error is returned
// too.
Status run_serve(const std::vector<std::string>& arguments);

}  // namespace attune::engine::serve
