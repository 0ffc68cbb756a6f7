#include "engine/models/team_pass.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/ops/cpu/kernels.h"
#include "engine/ops/matrix_product.h"
#include "engine/tensor/threads.h"

namespace attune::engine::models {
namespace {

const float* floats_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

bool plain_floats(const Tensor& tensor) {
  return !tensor.defined() ||
         (tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous());
}

// In blocks or in fp32, as `in_blocks` says.
bool covers(const std::optional<nn::Linear>& linear, bool in_blocks) {
  if (!linear || !plain_floats(linear->bias)) return false;
  if (in_blocks) return linear->blocks && ops::QuantizedProduct(*linear->blocks).present();
  return !linear->blocks && !linear->transposed && linear->weight.defined() &&
         plain_floats(linear->weight);
}

bool covers(const nn::Norm& norm) { return !norm.layer_norm && plain_floats(norm.weight); }

bool covers(const Block& block, bool in_blocks) {
  const auto all = {block.q, block.k, block.v, std::optional(block.output), block.gate,
                    std::optional(block.up), std::optional(block.down)};
  return std::all_of(all.begin(), all.end(),
                     [&](const auto& linear) { return covers(linear, in_blocks); }) &&
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

static_assert(ops::kQuantizedRowsMax <= ops::kFewRowsMax, "block.cc would sum in another order");

// A quarter of a lane's part, so that a lane whose core was taken away leaves work to the others;
// smaller pieces would cost more in new beginnings than they save.
int64_t piece_of(const Team& team, int64_t count) {
  return std::max<int64_t>(1, count / (4 * team.lanes()));
}

}  // namespace

std::unique_ptr<TeamPass> TeamPass::make(const DecoderConfig& config, const Trunk& trunk) {
  const bool in_blocks = trunk.embedding.blocks.has_value();
  const bool whole = ops::cpu::kernels() != nullptr && covers(config) &&
                     (in_blocks || plain_floats(trunk.embedding.weight)) &&
                     covers(trunk.head, in_blocks) && trunk.final_norm.present() &&
                     covers(trunk.final_norm) &&
                     std::all_of(trunk.blocks.begin(), trunk.blocks.end(),
                                 [&](const Block& block) { return covers(block, in_blocks); });
  return whole ? std::unique_ptr<TeamPass>(new TeamPass(config, trunk)) : nullptr;
}

TeamPass::TeamPass(const DecoderConfig& config, const Trunk& trunk)
    : config_(config),
      trunk_(trunk),
      kernels_(*ops::cpu::kernels()),
      epsilon_(static_cast<float>(config.norm_epsilon)),
      head_(*trunk.head),
      columns_max_(std::max({config.width, config.feed_forward,
                             config.heads * config.head_width})) {
  for (size_t i = 0; i < trunk.blocks.size(); ++i) add_layer(trunk.blocks[i], config.layers[i]);
}

TeamPass::Matrix::Matrix(const nn::Linear& layer) : linear(&layer) {
  if (layer.blocks) blocks.emplace(*layer.blocks);
}

void TeamPass::Matrix::fetch(int64_t group) const {
  if (blocks) return blocks->fetch(group);
  constexpr int64_t kFloats = 1536, kLine = 16;
  const float* begin = floats_of(linear->weight) + group * ops::kGroupRows * linear->in;
  for (int64_t i = 0; i < kFloats; i += kLine) __builtin_prefetch(begin + i, 0, 2);
}

void TeamPass::add_layer(const Block& block, const LayerConfig& settings) {
  layers_.push_back({floats_of(block.attention_norm.weight),
                     floats_of(block.feed_forward_norm.weight), floats_of(block.q_norm.weight),
                     floats_of(block.k_norm.weight), Matrix(*block.q), Matrix(*block.k),
                     Matrix(*block.v), Matrix(block.output), Matrix(*block.gate), Matrix(block.up),
                     Matrix(block.down),
                     ops::AttentionOptions{settings.score_scale, settings.window, {}},
                     settings.rotary});
}

// Those that adapters may change: not the head.
template <typename Body>
void TeamPass::each_matrix(const Body& body) {
  for (Layer& layer : layers_) {
    for (Matrix* matrix : {&layer.q, &layer.k, &layer.v, &layer.output, &layer.gate, &layer.up,
                           &layer.down}) {
      body(*matrix);
    }
  }
}

bool TeamPass::takes(const std::vector<std::string>& stack) const {
  if (stack.empty()) return true;
  if (head_.blocks) return false;
  const auto& modules = trunk_.adapters.modules();
  return std::all_of(modules.begin(), modules.end(), [&](const auto& module) {
    return trunk_.adapters.single_pair(module.first, {stack, {}}).has_value();
  });
}

// The shares of a stack that it takes.
void TeamPass::select(const std::vector<std::string>& stack) {
  int64_t rank = 0;
  each_matrix([&](Matrix& matrix) {
    matrix.share.reset();
    if (stack.empty()) return;
    const nn::LoraPair* pair = *trunk_.adapters.single_pair(matrix.linear->path, {stack, {}});
    if (pair == nullptr) return;
    matrix.share = {pair->a.contiguous(), pair->b.contiguous(), pair->scale};
    rank = std::max(rank, pair->a.size(0));
  });
  for (auto& middle : middles_) {
    middle.resize(static_cast<size_t>(rank * ops::kQuantizedRowsMax));
  }
  for (Layer& layer : layers_) {
    layer.k.middle = layer.up.middle = middles_[1].data();
    layer.v.middle = middles_[2].data();
    for (Matrix* matrix : {&layer.q, &layer.output, &layer.gate, &layer.down}) {
      matrix->middle = middles_[0].data();
    }
  }
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
    if (!head_.blocks) return grow(to.normed, size(columns_max_));
    grow(to.wide, size(columns_max_));
    grow(to.planes, size(2 * columns_max_));
    grow(to.steps, size(blocks));
    grow(to.sums, size(blocks));
  };
  grow_rounded(shared_);
  for (Rounded& to : own_) grow_rounded(to);
  const int64_t spare = std::max(columns_max_, 2 * config_.head_width);
  for (auto& row : spare_) grow(row, head_.blocks ? static_cast<size_t>(spare) : size(spare));
}

// For fp32: normed in the same way, or as they lie.
TeamPass::Input TeamPass::plain_input(Team& team, const Job& job, const float* x,
                                      const float* norm, int64_t columns) {
  const int64_t rows = job.count();
  if (norm == nullptr) return {{}, x, rows};
  const bool together = rows >= team.lanes();
  Rounded& to = together ? shared_ : own_[static_cast<size_t>(team.lane())];
  const auto [begin, end] = together ? team.share(rows) : std::pair<int64_t, int64_t>{0, rows};
  for (int64_t r = begin; r < end; ++r) {
    norm_row(x + r * columns, norm, columns, to.normed.data() + r * columns);
  }
  if (together) team.wait();
  return {{}, to.normed.data(), rows};
}

// Rows are rounded once, each by one lane, or by every lane for itself where they are fewer than
// lanes: that costs less than a barrier.
TeamPass::Input TeamPass::input_of(Team& team, const Job& job, const float* x, const float* norm,
                                   int64_t columns) {
  if (!head_.blocks) return plain_input(team, job, x, norm, columns);
  const int64_t rows = job.count(), blocks = columns / ops::kBlockColumns;
  const auto lane = static_cast<size_t>(team.lane());
  const bool together = rows >= team.lanes();
  Rounded& to = together ? shared_ : own_[lane];
  const auto [begin, end] = together ? team.share(rows) : std::pair<int64_t, int64_t>{0, rows};
  for (int64_t r = begin; r < end; ++r) {
    const float* row = x + r * columns;
    if (norm != nullptr) {
      norm_row(row, norm, columns, spare_[lane].data());
      row = spare_[lane].data();
    }
    kernels_.quantize_input(row, blocks, to.wide.data() + r * columns,
                            to.planes.data() + 2 * r * columns, to.steps.data() + r * blocks,
                            to.sums.data() + r * blocks);
  }
  if (together) team.wait();
  return {{to.wide.data(), to.planes.data(), to.steps.data(), to.sums.data(), rows}, x, rows};
}

void TeamPass::multiply(const Team& team, const Matrix& matrix, const Input& input, float* y,
                        int64_t begin, int64_t end) {
  const nn::Linear& linear = *matrix.linear;
  const int64_t rows = matrix.rows(), first = begin * ops::kGroupRows;
  const int64_t last = std::min(end * ops::kGroupRows, rows);
  if (matrix.blocks) {
    matrix.blocks->run(input.rounded, y, begin, end);
  } else {
    kernels_.few_rows_product({input.plain, linear.in, floats_of(linear.weight), linear.in, y, rows,
                               input.rows, linear.in},
                              first, last);
  }
  if (const float* bias = floats_of(linear.bias)) {
    for (int64_t n = 0; n < input.rows; ++n) {
      for (int64_t i = first; i < last; ++i) y[n * rows + i] += bias[i];
    }
  }
  if (matrix.share) add_share(team, matrix, input, y, first, last);
}

void TeamPass::make_middles(Team& team, std::initializer_list<const Matrix*> matrices,
                            const Input& input) {
  bool any = false;
  for (const Matrix* matrix : matrices) {
    if (!matrix->share) continue;
    any = true;
    const int64_t rank = matrix->share->a.size(0), in = matrix->linear->in;
    const auto [begin, end] = team.share(rank);
    kernels_.few_rows_product({input.plain, in, floats_of(matrix->share->a), in, matrix->middle,
                               rank, input.rows, in},
                              begin, end);
  }
  if (any) team.wait();
}

void TeamPass::add_share(const Team& team, const Matrix& matrix, const Input& input, float* y,
                         int64_t first, int64_t last) {
  const ops::LowRankShare& share = *matrix.share;
  const int64_t rank = share.a.size(0), rows = matrix.rows(), count = last - first;
  const auto scale = static_cast<float>(share.scale);
  float* added = spare_[static_cast<size_t>(team.lane())].data();
  kernels_.few_rows_product({matrix.middle, rank, floats_of(share.b) + first * rank, rank, added,
                             count, input.rows, rank},
                            0, count);
  for (int64_t n = 0; n < input.rows; ++n) {
    float* to = y + n * rows + first;
    for (int64_t i = 0; i < count; ++i) to[i] += scale * added[n * count + i];
  }
}

void TeamPass::multiply(Team& team, std::initializer_list<Part> parts, const Matrix& next,
                        const Input& input) {
  next.fetch(team.share(next.groups()).first);
  int64_t count = 0;
  for (const Part& part : parts) count += part.matrix.groups();
  team.share_pieces(count, piece_of(team, count), [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (const Part& part : parts) {
      const int64_t groups = part.matrix.groups();
      const int64_t from = std::max<int64_t>(begin - offset, 0);
      const int64_t to = std::min(end - offset, groups);
      if (from < to) multiply(team, part.matrix, input, part.y, from, to);
      offset += groups;
    }
  });
}

// x += the product, piece by piece.
void TeamPass::add_product(Team& team, const Matrix& matrix, const Matrix& next,
                           const Input& input) {
  next.fetch(team.share(next.groups()).first);
  make_middles(team, {&matrix}, input);
  const int64_t groups = matrix.groups(), width = config_.width;
  team.share_pieces(groups, piece_of(team, groups), [&](int64_t begin, int64_t end) {
    multiply(team, matrix, input, part_.data(), begin, end);
    const int64_t last = std::min(end * ops::kGroupRows, width);
    for (int64_t n = 0; n < input.rows; ++n) {
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
    norm_row(head, norm, width, to);
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
  const Input input = input_of(team, job, x_.data(), layer.attention_norm, config_.width);
  make_middles(team, {&layer.q, &layer.k, &layer.v}, input);
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
              input_of(team, job, mixed_.data(), nullptr, heads * width));
}

void TeamPass::feed_forward(Team& team, const Job& job, int64_t index) {
  const Layer& layer = layers_[static_cast<size_t>(index)];
  const auto after = static_cast<size_t>(index) + 1;
  const Input input = input_of(team, job, x_.data(), layer.feed_forward_norm, config_.width);
  make_middles(team, {&layer.gate, &layer.up}, input);
  layer.down.fetch(team.share(layer.down.groups()).first);
  const int64_t columns = config_.feed_forward, groups = layer.up.groups();
  team.share_pieces(groups, piece_of(team, groups), [&](int64_t begin, int64_t end) {
    multiply(team, layer.gate, input, gate_.data(), begin, end);
    multiply(team, layer.up, input, up_.data(), begin, end);
    const int64_t first = begin * ops::kGroupRows;
    const int64_t last = std::min(end * ops::kGroupRows, columns);
    for (int64_t n = 0; n < job.count(); ++n) {
      const int64_t at = n * columns + first;
      kernels_.swiglu(gate_.data() + at, up_.data() + at, inner_.data() + at, last - first);
    }
  });
  team.wait();
  add_product(team, layer.down, after < layers_.size() ? layers_[after].q : head_,
              input_of(team, job, inner_.data(), nullptr, columns));
}

void TeamPass::go(Team& team, const Job& job) {
  const auto [begin, end] = team.share(job.count());
  for (int64_t r = begin; r < end; ++r) {
    embed(job.rows[static_cast<size_t>(r)].token, x_.data() + r * config_.width);
  }
  team.wait();
  for (int64_t index = 0; index < config_.layer_count(); ++index) {
    attend(team, job, index);
    feed_forward(team, job, index);
  }
  const float* norm = floats_of(trunk_.final_norm.weight);
  if (job.hidden != nullptr) {
    for (int64_t r = begin; r < end; ++r) {
      norm_row(x_.data() + r * config_.width, norm, config_.width,
               job.hidden + r * config_.width);
    }
  }
  multiply(team, {{head_, job.logits}}, layers_.front().q,
           input_of(team, job, x_.data(), norm, config_.width));
}

void TeamPass::norm_row(const float* x, const float* norm, int64_t columns, float* to) const {
  float inverse_rms = 0;
  kernels_.rms_norm({x, norm, columns, epsilon_, &inverse_rms}, to, 0, 1);
}

void TeamPass::embed(int64_t token, float* x) const {
  const nn::Linear& embedding = trunk_.embedding;
  if (embedding.blocks) return embedding.blocks->blocks().dequantize_row(token, x);
  std::memcpy(x, floats_of(embedding.weight) + token * config_.width,
              static_cast<size_t>(config_.width) * sizeof(float));
}

void TeamPass::run(const std::vector<TokenRow>& rows, const std::vector<std::string>& stack,
                   const ops::RotaryTable& table, RowAttention& attention, float* logits,
                   float* hidden) {
  Job job{rows, {}, table, attention, logits, hidden};
  for (const TokenRow& row : rows) job.positions.push_back(row.position);
  const int64_t lanes = compute_threads();
  reserve(job.count(), lanes);
  select(stack);
  run_team(lanes, [&](Team& team) { go(team, job); });
}

}  // namespace attune::engine::models
