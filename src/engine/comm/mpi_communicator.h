// The Communicator over MPI; mpi_communicator.cc in a build that has MPI, without_mpi.cc otherwise.
#pragma once

#include <memory>

#include "engine/comm/communicator.h"

namespace attune::engine::comm {

// `expected`: how many ranks the launcher said. kUnsupported without MPI.
Result<std::unique_ptr<Communicator>> connect_mpi(int expected);

}  // namespace attune::engine::comm
