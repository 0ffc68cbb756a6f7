#include "engine/comm/mpi_communicator.h"

namespace attune::engine::comm {

Result<std::unique_ptr<Communicator>> connect_mpi(int expected) {
  return unsupported(
      "started as one of {} ranks, but this attune-engine was built without MPI; install "
      "libopenmpi-dev and build again, or run one process",
      expected);
}

}  // namespace attune::engine::comm
