#include "engine/comm/nccl_communicator.h"

namespace attune::engine::comm {

Result<std::unique_ptr<Communicator>> over_nccl(std::unique_ptr<Communicator> beneath,
                                                at::Device device) {
  if (beneath->size() == 1) return beneath;
  return unsupported(
      "device: {} for {} processes: this attune-engine was built without NCCL; build it with a "
      "LibTorch for CUDA and NCCL's headers, or run one process",
      device.str(), beneath->size());
}

}  // namespace attune::engine::comm
