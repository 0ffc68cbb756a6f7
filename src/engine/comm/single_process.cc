#include <cstdlib>

#include "engine/comm/communicator.h"
#include "engine/comm/mpi_communicator.h"

namespace attune::engine::comm {
namespace {

class SingleProcess : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_reduce(Tensor&) override {}
  void broadcast(Tensor&, int) override {}
  std::vector<std::string> all_gather(const std::string& bytes) override { return {bytes}; }
};

}  // namespace

// Set by the launchers of OpenMPI, of others that speak PMI, and by srun.
int launched_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    if (const char* size = std::getenv(name)) return std::atoi(size);
  }
  return 1;
}

std::unique_ptr<Communicator> single_process() { return std::make_unique<SingleProcess>(); }

Result<std::unique_ptr<Communicator>> connect() {
  const int ranks = launched_ranks();
  if (ranks <= 1) return single_process();
  return connect_mpi(ranks);
}

}  // namespace attune::engine::comm
