// A team of compute threads that goes through many small steps together: one parallel region, and
// between its steps a barrier of a fraction of a microsecond, where a region for every step would
// cost several. For passes whose single operators are too short to be split among threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace attune::engine {

// One thread's view of its team.
class Team {
 public:
  struct Meeting {
    alignas(64) std::atomic<int64_t> arrived{0};
    alignas(64) std::atomic<int64_t> round{0};
  };

  Team(Meeting& meeting, int64_t lane, int64_t lanes)
      : meeting_(&meeting), lane_(lane), lanes_(lanes) {}

  int64_t lane() const { return lane_; }  // 0 .. lanes() - 1
  int64_t lanes() const { return lanes_; }

  // This lane's part [begin, end) of 0..count; parts are nearly equal.
  std::pair<int64_t, int64_t> share(int64_t count) const {
    return {count * lane_ / lanes_, count * (lane_ + 1) / lanes_};
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
