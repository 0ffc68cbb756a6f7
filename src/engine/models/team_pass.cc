#include "engine/models/team_pass.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/threads.h"

namespace attune::engine::models {
namespace {

using ops::cpu::QuantizedInput;

const float* floats_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

bool plain_floats(const Tensor& tensor) {
  return !tensor.defined() ||
         (tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous());
}

bool covers(const std::optional<nn::Linear>& linear) {
  return linear && linear->blocks && plain_floats(linear->bias) &&
         ops::QuantizedProduct(*linear->blocks).present();
}

bool covers(const nn::Norm& norm) { return !norm.layer_norm && plain_floats(norm.weight); }

bool covers(const Block& block) {
  return covers(block.q) && covers(block.k) && covers(block.v) && covers(block.output) &&
         covers(block.gate) && covers(block.up) && covers(block.down) &&
         block.attention_norm.present() && block.feed_forward_norm.present() &&
         covers(block.attention_norm) && covers(block.feed_forward_norm) &&
         covers(block.q_norm) && covers(block.k_norm);
}

bool covers(const DecoderConfig& config) {
  return config.norm == NormKind::kRms && config.activation == Activation::kSilu &&
         config.residual == ResidualKind::kSequential &&
         config.positions == PositionKind::kRotary &&
         config.rotary.pairs == RotaryPairs::kHalves &&
         config.head == HeadKind::kLanguageModel;
}

// A quarter of a lane's part, so that a lane whose core was taken away leaves work to the others;
// smaller pieces would cost more in new beginnings than they save.
int64_t piece_of(const Team& team, int64_t count) {
  return std::max<int64_t>(1, count / (4 * team.lanes()));
}

}  // namespace

std::unique_ptr<TeamPass> TeamPass::make(const DecoderConfig& config, const Trunk& trunk) {
  const bool whole = ops::cpu::kernels() != nullptr && covers(config) &&
                     trunk.embedding.blocks.has_value() && covers(trunk.head) &&
                     trunk.final_norm.present() && covers(trunk.final_norm) &&
                     std::all_of(trunk.blocks.begin(), trunk.blocks.end(),
                                 [](const Block& block) { return covers(block); });
  return whole ? std::unique_ptr<TeamPass>(new TeamPass(config, trunk)) : nullptr;
}

TeamPass::TeamPass(const DecoderConfig& config, const Trunk& trunk)
    : config_(config),
      trunk_(trunk),
      kernels_(*ops::cpu::kernels()),
      epsilon_(static_cast<float>(config.norm_epsilon)),
      head_{ops::QuantizedProduct(*trunk.head->blocks), floats_of(trunk.head->bias)},
      columns_max_(std::max({config.width, config.feed_forward,
                             config.heads * config.head_width})) {
  for (size_t i = 0; i < trunk.blocks.size(); ++i) add_layer(trunk.blocks[i], config.layers[i]);
}

void TeamPass::add_layer(const Block& block, const LayerConfig& settings) {
  const auto matrix = [](const nn::Linear& linear) {
    return Matrix{ops::QuantizedProduct(*linear.blocks), floats_of(linear.bias)};
  };
  layers_.push_back({floats_of(block.attention_norm.weight),
                     floats_of(block.feed_forward_norm.weight), floats_of(block.q_norm.weight),
                     floats_of(block.k_norm.weight), matrix(*block.q), matrix(*block.k),
                     matrix(*block.v), matrix(block.output), matrix(*block.gate), matrix(block.up),
                     matrix(block.down),
                     ops::AttentionOptions{settings.score_scale, settings.window, {}},
                     settings.rotary});
}

void TeamPass::reserve(int64_t rows, int64_t lanes) {
  const auto size = [rows](int64_t columns) { return static_cast<size_t>(rows * columns); };
  const int64_t blocks = columns_max_ / ops::kBlockColumns;
  const auto grow = [](auto& buffer, size_t wanted) {
    if (buffer.size() < wanted) buffer.resize(wanted);
  };
  for (auto* buffer : {&x_, &part_}) grow(*buffer, size(config_.width));
  for (auto* buffer : {&q_, &mixed_}) grow(*buffer, size(config_.heads * config_.head_width));
  for (auto* buffer : {&k_, &v_}) grow(*buffer, size(config_.kv_heads * config_.head_width));
  for (auto* buffer : {&gate_, &up_, &inner_}) grow(*buffer, size(config_.feed_forward));
  grow(own_, static_cast<size_t>(lanes));
  grow(spare_, static_cast<size_t>(lanes));
  const auto grow_rounded = [&](Rounded& to) {
    grow(to.wide, size(columns_max_));
    grow(to.planes, size(2 * columns_max_));
    grow(to.steps, size(blocks));
    grow(to.sums, size(blocks));
  };
  grow_rounded(shared_);
  for (Rounded& to : own_) grow_rounded(to);
  const int64_t spare = std::max(columns_max_, 2 * config_.head_width);
  for (auto& row : spare_) grow(row, static_cast<size_t>(spare));
}

// Rows are rounded once, each by one lane, or by every lane for itself where they are fewer than
// lanes: that costs less than a barrier.
QuantizedInput TeamPass::rounded(Team& team, const Job& job, const float* x, const float* norm,
                                 int64_t columns) {
  const int64_t rows = job.count(), blocks = columns / ops::kBlockColumns;
  const auto lane = static_cast<size_t>(team.lane());
  const bool together = rows >= team.lanes();
  Rounded& to = together ? shared_ : own_[lane];
  const auto [begin, end] = together ? team.share(rows) : std::pair<int64_t, int64_t>{0, rows};
  for (int64_t r = begin; r < end; ++r) {
    const float* row = x + r * columns;
    if (norm != nullptr) {
      float inverse_rms = 0;
      kernels_.rms_norm({row, norm, columns, epsilon_, &inverse_rms}, spare_[lane].data(), 0, 1);
      row = spare_[lane].data();
    }
    kernels_.quantize_input(row, blocks, to.wide.data() + r * columns,
                            to.planes.data() + 2 * r * columns, to.steps.data() + r * blocks,
                            to.sums.data() + r * blocks);
  }
  if (together) team.wait();
  return {to.wide.data(), to.planes.data(), to.steps.data(), to.sums.data(), rows};
}

void TeamPass::multiply(const Matrix& matrix, const QuantizedInput& input, float* y,
                        int64_t begin, int64_t end) {
  matrix.product.run(input, y, begin, end);
  if (matrix.bias == nullptr) return;
  const int64_t rows = matrix.product.rows(), last = std::min(end * ops::kGroupRows, rows);
  for (int64_t n = 0; n < input.batch; ++n) {
    for (int64_t i = begin * ops::kGroupRows; i < last; ++i) y[n * rows + i] += matrix.bias[i];
  }
}

void TeamPass::multiply(Team& team, std::initializer_list<Part> parts, const Matrix& next,
                        const QuantizedInput& input) {
  next.product.fetch(team.share(next.product.groups()).first);
  int64_t count = 0;
  for (const Part& part : parts) count += part.matrix.product.groups();
  team.share_pieces(count, piece_of(team, count), [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (const Part& part : parts) {
      const int64_t groups = part.matrix.product.groups();
      const int64_t from = std::max<int64_t>(begin - offset, 0);
      const int64_t to = std::min(end - offset, groups);
      if (from < to) multiply(part.matrix, input, part.y, from, to);
      offset += groups;
    }
  });
}

// x += the product, piece by piece.
void TeamPass::add_product(Team& team, const Matrix& matrix, const Matrix& next,
                           const QuantizedInput& input) {
  next.product.fetch(team.share(next.product.groups()).first);
  const int64_t groups = matrix.product.groups(), width = config_.width;
  team.share_pieces(groups, piece_of(team, groups), [&](int64_t begin, int64_t end) {
    multiply(matrix, input, part_.data(), begin, end);
    const int64_t last = std::min(end * ops::kGroupRows, width);
    for (int64_t n = 0; n < input.batch; ++n) {
      for (int64_t i = begin * ops::kGroupRows; i < last; ++i) {
        x_[static_cast<size_t>(n * width + i)] += part_[static_cast<size_t>(n * width + i)];
      }
    }
  });
  team.wait();
}

// A head normed and rotated, in `to` [2, Dh].
const float* TeamPass::turned(const Layer& layer, const Job& job, int64_t row, const float* head,
                              const float* norm, float* to) const {
  const int64_t width = config_.head_width;
  if (norm != nullptr) {
    float inverse_rms = 0;
    kernels_.rms_norm({head, norm, width, epsilon_, &inverse_rms}, to, 0, 1);
    head = to;
  }
  if (!layer.rotary) return head;
  ops::cpu::RotaryRows one;
  one.x = head;
  one.cos = job.table.cos.const_data_ptr<float>();
  one.sin = job.table.sin.const_data_ptr<float>();
  one.half = job.table.cos.size(1);
  one.positions = job.positions.data() + row;
  one.heads = 1;
  one.width = width;
  kernels_.rotate(one, to + width, 0, 1);
  return to + width;
}

// Queries are rotated where they lie; keys and values go into the cache.
void TeamPass::place_heads(Team& team, const Job& job, int64_t index) {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t width = config_.head_width, heads = config_.heads, kv_heads = config_.kv_heads;
  float* spare = spare_[static_cast<size_t>(team.lane())].data();
  const auto [q_begin, q_end] = team.share(job.count() * heads);
  for (int64_t item = q_begin; item < q_end; ++item) {
    float* q = q_.data() + item * width;
    const float* from = turned(layer, job, item / heads, q, layer.q_norm, spare);
    if (from != q) std::memcpy(q, from, static_cast<size_t>(width) * sizeof(float));
  }
  const auto [k_begin, k_end] = team.share(job.count() * kv_heads);
  for (int64_t item = k_begin; item < k_end; ++item) {
    const float* k = k_.data() + item * width;
    k = turned(layer, job, item / kv_heads, k, layer.k_norm, spare);
    job.attention.append({index, item / kv_heads, 0, item % kv_heads}, k,
                         v_.data() + item * width);
  }
}

void TeamPass::attend(Team& team, const Job& job, int64_t index) {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const int64_t heads = config_.heads, width = config_.head_width;
  const QuantizedInput input = rounded(team, job, x_.data(), layer.attention_norm, config_.width);
  multiply(team, {{layer.q, q_.data()}, {layer.k, k_.data()}, {layer.v, v_.data()}},
           layer.output, input);
  team.wait();
  place_heads(team, job, index);
  team.wait();
  const auto [begin, end] = team.share(job.count() * heads);
  const int64_t shared = heads / config_.kv_heads;
  for (int64_t item = begin; item < end; ++item) {
    const int64_t row = item / heads, head = item % heads, at = item * width;
    job.attention.attend_row({index, row, head, head / shared}, q_.data() + at,
                             mixed_.data() + at, layer.attention);
  }
  team.wait();
  add_product(team, layer.output, layer.gate,
              rounded(team, job, mixed_.data(), nullptr, heads * width));
}

void TeamPass::feed_forward(Team& team, const Job& job, int64_t index) {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const auto after = static_cast<size_t>(index) + 1;
  const QuantizedInput input =
      rounded(team, job, x_.data(), layer.feed_forward_norm, config_.width);
  layer.down.product.fetch(team.share(layer.down.product.groups()).first);
  const int64_t columns = config_.feed_forward, groups = layer.up.product.groups();
  team.share_pieces(groups, piece_of(team, groups), [&](int64_t begin, int64_t end) {
    multiply(layer.gate, input, gate_.data(), begin, end);
    multiply(layer.up, input, up_.data(), begin, end);
    const int64_t first = begin * ops::kGroupRows;
    const int64_t last = std::min(end * ops::kGroupRows, columns);
    for (int64_t n = 0; n < job.count(); ++n) {
      const int64_t at = n * columns + first;
      kernels_.swiglu(gate_.data() + at, up_.data() + at, inner_.data() + at, last - first);
    }
  });
  team.wait();
  add_product(team, layer.down, after < layers_.size() ? layers_[after].q : head_,
              rounded(team, job, inner_.data(), nullptr, columns));
}

void TeamPass::go(Team& team, const Job& job) {
  const auto [begin, end] = team.share(job.count());
  for (int64_t r = begin; r < end; ++r) {
    trunk_.embedding.blocks->blocks().dequantize_row(job.rows[static_cast<size_t>(r)].token,
                                                     x_.data() + r * config_.width);
  }
  team.wait();
  for (int64_t index = 0; index < config_.layer_count(); ++index) {
    attend(team, job, index);
    feed_forward(team, job, index);
  }
  const QuantizedInput input =
      rounded(team, job, x_.data(), floats_of(trunk_.final_norm.weight), config_.width);
  multiply(team, {{head_, job.logits}}, layers_.front().q, input);
}

void TeamPass::run(const std::vector<TokenRow>& rows, const ops::RotaryTable& table,
                   RowAttention& attention, float* logits) {
  Job job{rows, {}, table, attention, logits};
  for (const TokenRow& row : rows) job.positions.push_back(row.position);
  const int64_t lanes = compute_threads();
  reserve(job.count(), lanes);
  run_team(lanes, [&](Team& team) { go(team, job); });
}

}  // namespace attune::engine::models
