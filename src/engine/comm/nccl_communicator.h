// The Communicator between GPUs: sums and broadcasts of CUDA tensors by NCCL, on the device's
// current stream; all else (bytes, tensors on the CPU, who is where) by the communicator beneath,
// which also carries NCCL's identifier to the ranks.
//
// nccl_communicator.cc in a build whose LibTorch has CUDA and that found NCCL, without_nccl.cc
// otherwise. It has been compiled against NCCL's and CUDA's headers, and has never run: there has
// been no machine with two GPUs.
#pragma once

#include <memory>

#include "engine/comm/communicator.h"

namespace attune::engine::comm {

// Collective: every rank calls it with the CUDA device that is its own. A communicator of one rank
// is given back as it is. Errors: no NCCL in this build; two ranks of one machine on one device;
// what NCCL says.
Result<std::unique_ptr<Communicator>> over_nccl(std::unique_ptr<Communicator> beneath,
                                                at::Device device);

}  // namespace attune::engine::comm
