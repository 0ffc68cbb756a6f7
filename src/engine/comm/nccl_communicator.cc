#include "engine/comm/nccl_communicator.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <set>
#include <stdexcept>

#include "engine/comm/agreement.h"

namespace attune::engine::comm {
namespace {

void check(ncclResult_t result, const char* collective) {
  if (result == ncclSuccess) return;
  throw std::runtime_error(
      fmt::format("NCCL: {} failed: {}", collective, ncclGetErrorString(result)));
}

ncclDataType_t type_of(const Tensor& tensor) {
  CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble,
        "all_reduce sums fp32 and fp64");
  return tensor.scalar_type() == at::kDouble ? ncclDouble : ncclFloat;
}

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> beneath, ncclComm_t handle, at::Device device)
      : beneath_(std::move(beneath)), handle_(handle), device_(device) {}
  ~NcclCommunicator() override {
    const c10::cuda::CUDAGuard guard(device_);
    ncclCommDestroy(handle_);
  }

  int rank() const override { return beneath_->rank(); }
  int size() const override { return beneath_->size(); }
  int ranks_here() const override { return beneath_->ranks_here(); }
  int rank_here() const override { return beneath_->rank_here(); }

  // NCCL's result has the same bits on every rank.
  void all_reduce(Tensor& tensor) override {
    if (tensor.device().is_cpu()) return beneath_->all_reduce(tensor);
    check_place(tensor, "all_reduce");
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), static_cast<size_t>(tensor.numel()),
                        type_of(tensor), ncclSum, handle_, stream()),
          "all_reduce");
  }

  void broadcast(Tensor& tensor, int root) override {
    if (tensor.device().is_cpu()) return beneath_->broadcast(tensor, root);
    check_place(tensor, "broadcast");
    const c10::cuda::CUDAGuard guard(device_);
    check(ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), tensor.nbytes(), ncclUint8, root,
                        handle_, stream()),
          "broadcast");
  }

  std::vector<std::string> all_gather(const std::string& bytes) override {
    return beneath_->all_gather(bytes);
  }

 private:
  void check_place(const Tensor& tensor, const char* collective) const {
    CHECK(tensor.is_contiguous() && tensor.device() == device_, "{} of a tensor on {}", collective,
          tensor.device().str());
  }

  // What was computed on this stream before is done first, and what comes after waits: callers on
  // several threads all use the device's default stream.
  cudaStream_t stream() const { return c10::cuda::getCurrentCUDAStream(device_.index()).stream(); }

  std::unique_ptr<Communicator> beneath_;
  ncclComm_t handle_;
  at::Device device_;
};

// Two ranks on one device would wait for each other within NCCL.
Status check_devices(Communicator& ranks, at::Device device) {
  cudaDeviceProp properties{};
  Result<std::string> own = std::string();
  if (const cudaError_t found = cudaGetDeviceProperties(&properties, device.index());
      found != cudaSuccess) {
    own = unsupported("{}: {}", device.str(), cudaGetErrorString(found));
  } else {
    own = std::string(properties.uuid.bytes, sizeof(properties.uuid.bytes));
  }
  std::set<std::string> seen;
  for (const std::string& uuid : TRY(gather_or_fail(ranks, own))) {
    if (seen.insert(uuid).second) continue;
    return invalid_input("device: two processes are on one GPU; NCCL needs one for each of the {} "
                         "(num_processes)",
                         ranks.size());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Communicator>> over_nccl(std::unique_ptr<Communicator> beneath,
                                                at::Device device) {
  if (beneath->size() == 1) return beneath;
  TRY(check_devices(*beneath, device));
  const c10::cuda::CUDAGuard guard(device);
  ncclUniqueId id{};
  Result<std::string> made = std::string();
  if (beneath->is_first()) {
    const ncclResult_t result = ncclGetUniqueId(&id);
    made = result == ncclSuccess
               ? Result<std::string>(std::string(id.internal, sizeof(id.internal)))
               : make_error(ErrorCode::kUnavailable, "NCCL: {}", ncclGetErrorString(result));
  }
  const std::string bytes = TRY(gather_or_fail(*beneath, made))[0];
  CHECK(bytes.size() == sizeof(id.internal), "an identifier of {} bytes", bytes.size());
  bytes.copy(id.internal, sizeof(id.internal));
  ncclComm_t handle = nullptr;
  const ncclResult_t joined =
      ncclCommInitRank(&handle, beneath->size(), id, beneath->rank());
  TRY(agree(*beneath, joined == ncclSuccess
                          ? Status()
                          : make_error(ErrorCode::kUnavailable, "NCCL does not start on {}: {}",
                                       device.str(), ncclGetErrorString(joined))));
  return std::unique_ptr<Communicator>(
      std::make_unique<NcclCommunicator>(std::move(beneath), handle, device));
}

}  // namespace attune::engine::comm
