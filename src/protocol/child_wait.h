// Waiting for a child process, as everything here does that starts one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>

namespace attune::protocol {

// How the child ended: its exit code, 128 + the number of the signal that ended it, or 127 when it
// is no child of ours; nothing when it still runs after `timeout_ms` (< 0: waits without end).
// `meanwhile(ms)` is called between looks and takes about so long; default: sleeps.
std::optional<int> wait_for_child(pid_t pid, int timeout_ms,
                                  const std::function<void(int)>& meanwhile = {});

}  // namespace attune::protocol
