// Answers one client of the request channel until it closes the socket.
//
// One thread reads lines into a bounded queue (and stops reading while it is full); the calling
// thread runs the model and writes the answers, which blocks while the client does not read. So
// nothing grows without bound. Tensor work stays on the calling thread.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "engine/serve/served_model.h"
#include "protocol/line_socket.h"

namespace attune::engine::serve {

struct ServerOptions {
  size_t queue_capacity = 64;    // requests read ahead
  int64_t in_flight_max = 256;   // generate requests inside the generator
  int handshake_ms = 10'000;     // for the client's first line
  int64_t cache_bytes_max = 0;   // of keys and values; 0: from free memory
};

// Shakes hands and serves. Success when the client closed; kInvalidInput or kUnsupported when its
// handshake was refused (it has been told).
Status serve_channel(protocol::LineSocket& socket, ServedModel& model,
                     const ServerOptions& options = {});

}  // namespace attune::engine::serve
