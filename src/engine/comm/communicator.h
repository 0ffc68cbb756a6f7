// The processes of one run, one for each device, and what they exchange. Every collective must be
// called by all ranks, in the same order.
//
// Behind it: nothing (a single process), or MPI when the program was started by `mpirun` or Slurm.
// A rank that dies ends the others too, by MPI's own launcher; `attune` reports it once.
//
// Collectives of one communicator are not thread-safe: one thread at a time. Exceptions
// (std::runtime_error) name the collective.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::comm {

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  // in [0, size)
  virtual int size() const = 0;
  bool is_first() const { return rank() == 0; }  // writes the run directory
  virtual int ranks_here() const { return size(); }  // on this machine, which share its cores
  virtual int rank_here() const { return rank(); }   // among them

  // Sums over the ranks, in place, the same bits on every rank. Contiguous tensor, fp32 or fp64; on
  // the CPU, or on the rank's own GPU with NCCL (nccl_communicator.h).
  virtual void all_reduce(Tensor& tensor) = 0;
  // Overwrites the tensor by that of rank `root`. Contiguous, any type; places as above.
  virtual void broadcast(Tensor& tensor, int root) = 0;
  // The bytes of every rank, in their order.
  virtual std::vector<std::string> all_gather(const std::string& bytes) = 0;

 private:
  friend Result<std::vector<std::string>> gather_or_fail(Communicator&, const Result<std::string>&);
  friend Status agree(Communicator&, const Status&);

  bool failed_together_ = false;  // agreement.h: an exchange failed and agree() does not know yet
};

// One process: every collective returns at once.
std::unique_ptr<Communicator> single_process();

// How many ranks the launcher (mpirun, Slurm) says there are; 1 without one.
int launched_ranks();

// What the process was started as: a rank under mpirun or Slurm, or a single process. Errors: it
// was started by mpirun, but this build has no MPI. Call it once, before threads start; MPI ends
// when the communicator is destroyed.
Result<std::unique_ptr<Communicator>> connect();

}  // namespace attune::engine::comm
