// Sums the gradients of all ranks while the backward pass still runs: parameters are put into
// buckets of some megabytes, in the reverse of their order, which is about the order in which a
// backward pass completes them, and a thread of its own reduces each bucket as soon as it is
// complete (PyTorch DDP, arXiv 2006.15704).
//
//   GradientReducer reducer(communicator, parameters);
//   ... all passes of the update but the last: backward() ...
//   reducer.begin();          // the next backward pass completes gradients
//   loss.backward();
//   reducer.finish();         // every .grad is now the sum over the ranks
//
// Afterwards every parameter has a gradient on every rank, also where a rank had no rows. With one
// rank nothing happens. Not thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/comm/communicator.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::comm {

class GradientReducer {
 public:
  // Leaves that require grad, the same on every rank.
  GradientReducer(Communicator& communicator, std::vector<Tensor> parameters,
                  int64_t bucket_bytes = int64_t{16} << 20);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  void begin();
  // Also without begin(), when a rank had nothing to compute. Rethrows what a collective threw.
  void finish();

 private:
  struct Bucket {
    std::vector<size_t> members;  // indices into parameters_
    int64_t elements = 0;
    size_t missing = 0;           // members whose gradient is not complete
  };

  void make_buckets(int64_t bucket_bytes);
  void complete(size_t parameter);
  void reduce_buckets();
  void reduce(const Bucket& bucket);

  Communicator& communicator_;
  std::vector<Tensor> parameters_;
  std::vector<size_t> bucket_of_;  // by parameter
  std::vector<Bucket> buckets_;
  std::vector<bool> done_;         // by parameter, in this pass

  std::mutex mutex_;
  std::condition_variable changed_;
  bool armed_ = false;   // hooks count
  bool stop_ = false;
  bool working_ = false;  // the thread has buckets to reduce
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace attune::engine::comm
