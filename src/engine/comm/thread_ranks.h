// Ranks as threads of this process, for tests: the same interface as processes, one memory.
#pragma once

#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include "engine/comm/communicator.h"

namespace attune::engine::comm {

// Runs `body` as each of `size` ranks and waits for all. A rank that returns early no longer counts
// in exchanges, so that a failing test ends.
inline void on_thread_ranks(int size, const std::function<void(Communicator&)>& body) {
  struct Shared {
    explicit Shared(int ranks) : meet(ranks), bytes(static_cast<size_t>(ranks)) {}
    std::barrier<> meet;
    std::vector<std::string> bytes;
  };
  class Rank : public Communicator {
   public:
    Rank(Shared& shared, int rank, int size) : shared_(shared), rank_(rank), size_(size) {}
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::vector<std::string> all_gather(const std::string& bytes) override {
      shared_.bytes[static_cast<size_t>(rank_)] = bytes;
      shared_.meet.arrive_and_wait();
      std::vector<std::string> all = shared_.bytes;
      shared_.meet.arrive_and_wait();
      return all;
    }
    void all_reduce(Tensor& tensor) override {
      const auto parts = gather(tensor);
      tensor.copy_(parts[0]);
      for (size_t i = 1; i < parts.size(); ++i) tensor.add_(parts[i]);
    }
    void broadcast(Tensor& tensor, int root) override {
      tensor.copy_(gather(tensor)[static_cast<size_t>(root)]);
    }

   private:
    std::vector<Tensor> gather(const Tensor& tensor) {
      const Tensor own = tensor.clone();
      const Tensor* place = &own;
      std::vector<Tensor> parts;
      for (const std::string& bytes :
           all_gather({reinterpret_cast<const char*>(&place), sizeof(place)})) {
        const Tensor* other = nullptr;
        bytes.copy(reinterpret_cast<char*>(&other), sizeof(other));
        parts.push_back(other->clone());
      }
      shared_.meet.arrive_and_wait();  // nobody's tensor goes before all have read it
      return parts;
    }

    Shared& shared_;
    int rank_;
    int size_;
  };

  Shared shared(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      Rank communicator(shared, rank, size);
      body(communicator);
      shared.meet.arrive_and_drop();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace attune::engine::comm
