// Exchanges that one rank may be unable to take part in: what it brings may be an error, which is
// then the error of all, so that none waits for another.
//
//   parts = TRY(gather_or_fail(ranks, own));   // any number of these, the same on every rank
//   ...
//   TRY(agree(ranks, status));                 // at the end of what they belong to
//
// A rank that fails between two exchanges goes straight to agree(): the others, which are in the
// next exchange, fail there with its error, and their own agree() knows it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/comm/communicator.h"

namespace attune::engine::comm {

// The bytes of every rank, in their order; or the error of the first rank that has one. It is said
// once: after an error the other ranks log nothing more.
Result<std::vector<std::string>> gather_or_fail(Communicator& ranks,
                                                const Result<std::string>& own);

// Success where all ranks succeeded, else the error of the first that did not. With one rank: its
// own.
Status agree(Communicator& ranks, const Status& own);

}  // namespace attune::engine::comm
