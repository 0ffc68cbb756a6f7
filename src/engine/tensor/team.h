// A team of compute threads that goes through many small steps together: one parallel region, and
// between its steps a barrier of a fraction of a microsecond, where a region for every step would
// cost several. For passes whose single operators are too short to be split among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace attune::engine {

// One thread's view of its team.
class Team {
 public:
  struct alignas(64) Counter {
    std::atomic<int64_t> value{0};
  };
  struct Meeting {
    explicit Meeting(int64_t lanes) : taken(static_cast<size_t>(lanes)) {}
    Counter arrived, round;
    std::vector<Counter> taken;  // how much of each lane's part has been begun since the last wait
  };

  Team(Meeting& meeting, int64_t lane, int64_t lanes)
      : meeting_(&meeting), lane_(lane), lanes_(lanes) {}

  int64_t lane() const { return lane_; }  // 0 .. lanes() - 1
  int64_t lanes() const { return lanes_; }

  // This lane's part [begin, end) of 0..count; parts are nearly equal.
  std::pair<int64_t, int64_t> share(int64_t count) const {
    return {count * lane_ / lanes_, count * (lane_ + 1) / lanes_};
  }

  // Calls body(begin, end) for pieces that cover 0..count together with the other lanes: each takes
  // its own part piece by piece, then what slower lanes have not begun. Every lane calls it with
  // the same numbers, once between two waits; which lane gets which piece is left to chance.
  template <typename Body>
  void share_pieces(int64_t count, int64_t piece, Body&& body) {
    for (int64_t turn = 0; turn < lanes_; ++turn) {
      const int64_t of = (lane_ + turn) % lanes_;
      const int64_t begin = count * of / lanes_, end = count * (of + 1) / lanes_;
      auto& taken = meeting_->taken[static_cast<size_t>(of)].value;
      while (taken.load(std::memory_order_relaxed) < end - begin) {
        const int64_t at = begin + taken.fetch_add(piece, std::memory_order_relaxed);
        if (at < end) body(at, std::min(at + piece, end));
      }
    }
  }

  // Returns when every lane has come here; what lanes wrote before is then seen by all.
  void wait();

 private:
  Meeting* meeting_;
  int64_t lane_;
  int64_t lanes_;
  int64_t round_ = 0;
};

// Calls body on up to `lanes` of the compute threads (tensor/threads.h) at once and returns when
// all are done. Inside another parallel region the team is one thread. The body must not throw:
// lanes that wait for one another cannot be unwound, so an exception ends the program.
void run_team(int64_t lanes, const std::function<void(Team&)>& body);

}  // namespace attune::engine
