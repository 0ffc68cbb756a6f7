#include "server/store/vector_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace attune::store {
namespace {

static_assert(std::endian::native == std::endian::little);

// Independent sums, so that the compiler may keep them in vector registers.
constexpr size_t kLanes = 8;

struct Products {
  double ab = 0, aa = 0, bb = 0;
};

Products products(std::span<const float> a, std::span<const float> b) {
  std::array<double, kLanes> ab{}, aa{}, bb{};
  const size_t whole = a.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const double x = static_cast<double>(a[i + lane]), y = static_cast<double>(b[i + lane]);
      ab[lane] += x * y;
      aa[lane] += x * x;
      bb[lane] += y * y;
    }
  }
  for (size_t i = whole; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    ab[i - whole] += x * y;
    aa[i - whole] += x * x;
    bb[i - whole] += y * y;
  }
  Products sum;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    sum.ab += ab[lane];
    sum.aa += aa[lane];
    sum.bb += bb[lane];
  }
  return sum;
}

bool better(const domain::SearchHit& a, const domain::SearchHit& b) {
  return *a.score != *b.score ? *a.score > *b.score : a.record < b.record;
}

}  // namespace

double cosine(std::span<const float> a, std::span<const float> b) {
  CHECK(a.size() == b.size(), "vectors of {} and {}", a.size(), b.size());
  const Products sum = products(a, b);
  const double lengths = std::sqrt(sum.aa) * std::sqrt(sum.bb);
  if (!(lengths > 0)) return 0;
  return std::clamp(sum.ab / lengths, -1.0, 1.0);
}

Result<NearRecords> nearest_records(Connection& connection, const domain::VectorQuery& query,
                                    const std::string& sql, std::span<const Value> parameters,
                                    size_t wanted) {
  NearRecords near;
  std::vector<float> components(query.value.size());
  const size_t bytes_wanted = components.size() * sizeof(float);
  TRY(connection.each(sql, parameters, [&](const Row& row) -> Status {
    const Bytes& bytes = row.bytes(1);
    if (row.integer(0) == query.left_out || bytes.size() != bytes_wanted) return {};
    ++near.candidates;
    if (bytes_wanted > 0) std::memcpy(components.data(), bytes.data(), bytes_wanted);
    const double cos = cosine(components, query.value);
    const double score = (1 + (query.most_similar ? cos : -cos)) / 2;
    near.best.push_back({row.integer(0), score});
    // A heap with the worst of the best on top.
    std::push_heap(near.best.begin(), near.best.end(), better);
    if (near.best.size() > wanted) {
      std::pop_heap(near.best.begin(), near.best.end(), better);
      near.best.pop_back();
    }
    return {};
  }));
  std::sort_heap(near.best.begin(), near.best.end(), better);
  return near;
}

}  // namespace attune::store
