#include "engine/comm/mpi_communicator.h"

#define OMPI_SKIP_MPICXX  // the C interface alone
#include <mpi.h>

#include <climits>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace attune::engine::comm {
namespace {

// Larger messages are cut: MPI counts in int.
constexpr int64_t kElementsMax = int64_t{1} << 28;

void check(int code, const char* collective) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw std::runtime_error(fmt::format("MPI: {} failed: {}", collective,
                                       std::string_view(text, static_cast<size_t>(length))));
}

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(int rank, int size) : rank_(rank), size_(size) {}
  ~MpiCommunicator() override { MPI_Finalize(); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int ranks_here() const override { return here().first; }
  int rank_here() const override { return here().second; }

  void all_reduce(Tensor& tensor) override {
    CHECK(tensor.is_contiguous() && tensor.device().is_cpu(), "all_reduce of a strided tensor");
    CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble,
          "all_reduce sums fp32 and fp64");
    const bool wide = tensor.scalar_type() == at::kDouble;
    char* data = static_cast<char*>(tensor.data_ptr());
    for (int64_t begin = 0; begin < tensor.numel(); begin += kElementsMax) {
      const auto count = static_cast<int>(std::min(kElementsMax, tensor.numel() - begin));
      check(MPI_Allreduce(MPI_IN_PLACE, data + begin * tensor.element_size(), count,
                          wide ? MPI_DOUBLE : MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
            "all_reduce");
    }
  }

  void broadcast(Tensor& tensor, int root) override {
    CHECK(tensor.is_contiguous() && tensor.device().is_cpu(), "broadcast of a strided tensor");
    char* data = static_cast<char*>(tensor.data_ptr());
    const auto bytes = static_cast<int64_t>(tensor.nbytes());
    for (int64_t begin = 0; begin < bytes; begin += kElementsMax) {
      const auto count = static_cast<int>(std::min(kElementsMax, bytes - begin));
      check(MPI_Bcast(data + begin, count, MPI_BYTE, root, MPI_COMM_WORLD), "broadcast");
    }
  }

  std::vector<std::string> all_gather(const std::string& bytes) override {
    CHECK(bytes.size() < INT_MAX / 2, "all_gather of {} bytes", bytes.size());
    const auto own = static_cast<int>(bytes.size());
    std::vector<int> lengths(static_cast<size_t>(size_));
    check(MPI_Allgather(&own, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD),
          "all_gather");
    std::vector<int> begins(lengths.size());
    std::exclusive_scan(lengths.begin(), lengths.end(), begins.begin(), 0);
    std::string all(static_cast<size_t>(begins.back() + lengths.back()), '\0');
    check(MPI_Allgatherv(bytes.data(), own, MPI_BYTE, all.data(), lengths.data(), begins.data(),
                         MPI_BYTE, MPI_COMM_WORLD),
          "all_gather");
    std::vector<std::string> parts;
    for (size_t rank = 0; rank < lengths.size(); ++rank) {
      parts.push_back(all.substr(static_cast<size_t>(begins[rank]),
                                 static_cast<size_t>(lengths[rank])));
    }
    return parts;
  }

 private:
  // How many ranks this machine has, and which of them this one is.
  static std::pair<int, int> here() {
    MPI_Comm machine = MPI_COMM_NULL;
    int count = 1;
    int own = 0;
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine),
          "counting the ranks of a machine");
    MPI_Comm_size(machine, &count);
    MPI_Comm_rank(machine, &own);
    MPI_Comm_free(&machine);
    return {count, own};
  }

  int rank_;
  int size_;
};

}  // namespace

Result<std::unique_ptr<Communicator>> connect_mpi(int expected) {
  // Gradients are reduced by a thread of their own while the main thread computes; only one of them
  // is inside MPI at a time.
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS) {
    return make_error(ErrorCode::kUnavailable, "MPI does not start");
  }
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return unsupported("this MPI does not allow calls from several threads in turn");
  }
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size != expected) {
    MPI_Finalize();
    return unsupported("the launcher started {} ranks and MPI sees {}; use the launcher that "
                       "belongs to the MPI of this build", expected, size);
  }
  return std::unique_ptr<Communicator>(std::make_unique<MpiCommunicator>(rank, size));
}

}  // namespace attune::engine::comm
