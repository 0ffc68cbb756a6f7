// Norm, gated activation and rotary embedding: one pass over memory each.
#include <cmath>

#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

void rms_norm(const NormRows& job, float* y, int64_t begin, int64_t end) {
  const int64_t width = job.width, whole = width / kLanes * kLanes;
  for (int64_t r = begin; r < end; ++r) {
    const float* x = job.x + r * width;
    float* out = y + r * width;
    Vec squares{};
    for (int64_t i = 0; i < whole; i += kLanes) squares += load(x + i) * load(x + i);
    float total = sum_of(squares);
    for (int64_t i = whole; i < width; ++i) total += x[i] * x[i];
    const float inverse = 1.0f / std::sqrt(total / static_cast<float>(width) + job.epsilon);
    job.inverse_rms[r] = inverse;
    for (int64_t i = 0; i < whole; i += kLanes) {
      store(out + i, load(x + i) * inverse * load(job.weight + i));
    }
    for (int64_t i = whole; i < width; ++i) out[i] = x[i] * inverse * job.weight[i];
  }
}

// With n = x * inverse and g = d_y * weight: d_x = inverse * (g - n * mean(g * n)).
void rms_norm_backward(const NormRows& job, const float* d_y, float* d_x, float* d_weight,
                       int64_t begin, int64_t end) {
  const int64_t width = job.width, whole = width / kLanes * kLanes;
  for (int64_t r = begin; r < end; ++r) {
    const float* x = job.x + r * width;
    const float* outer = d_y + r * width;
    float* out = d_x + r * width;
    const float inverse = job.inverse_rms[r];
    Vec products{};
    for (int64_t i = 0; i < whole; i += kLanes) {
      const Vec normal = load(x + i) * inverse, g = load(outer + i);
      products += g * load(job.weight + i) * normal;
      store(d_weight + i, load(d_weight + i) + g * normal);
    }
    float total = sum_of(products);
    for (int64_t i = whole; i < width; ++i) {
      total += outer[i] * job.weight[i] * x[i] * inverse;
      d_weight[i] += outer[i] * x[i] * inverse;
    }
    const float mean = total / static_cast<float>(width) * inverse;
    for (int64_t i = 0; i < whole; i += kLanes) {
      store(out + i, (load(outer + i) * load(job.weight + i) - load(x + i) * mean) * inverse);
    }
    for (int64_t i = whole; i < width; ++i) {
      out[i] = (outer[i] * job.weight[i] - x[i] * mean) * inverse;
    }
  }
}

// Calls body(offset, lanes) over whole vectors and once with a shorter rest, through small buffers.
template <typename Body>
static inline void with_rest(int64_t count, const Body& body) {
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) body(i, kLanes);
  if (whole < count) body(whole, static_cast<int>(count - whole));
}

static inline Vec load_some(const float* p, int lanes) {
  if (lanes == kLanes) return load(p);
  Vec v{};
  for (int i = 0; i < lanes; ++i) v[i] = p[i];
  return v;
}

static inline void store_some(float* p, Vec v, int lanes) {
  if (lanes == kLanes) return store(p, v);
  for (int i = 0; i < lanes; ++i) p[i] = v[i];
}

static inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp_of(-x)); }

void swiglu(const float* gate, const float* up, float* y, int64_t count) {
  with_rest(count, [&](int64_t i, int lanes) {
    const Vec g = load_some(gate + i, lanes);
    store_some(y + i, g * sigmoid(g) * load_some(up + i, lanes), lanes);
  });
}

void swiglu_backward(const float* gate, const float* up, const float* d_y, float* d_gate,
                     float* d_up, int64_t count) {
  with_rest(count, [&](int64_t i, int lanes) {
    const Vec g = load_some(gate + i, lanes), u = load_some(up + i, lanes);
    const Vec outer = load_some(d_y + i, lanes), s = sigmoid(g);
    store_some(d_up + i, outer * g * s, lanes);
    store_some(d_gate + i, outer * u * s * (1.0f + g * (1.0f - s)), lanes);
  });
}

void rotate(const RotaryRows& job, float* y, int64_t begin, int64_t end) {
  const int64_t half = job.half, row = job.heads * job.width;
  const float sign = job.backward ? -1.0f : 1.0f;
  for (int64_t r = begin; r < end; ++r) {
    const float* cos = job.cos + job.positions[r] * half;
    const float* sin = job.sin + job.positions[r] * half;
    for (int64_t h = 0; h < job.heads; ++h) {
      const float* x = job.x + r * job.row_stride + h * job.width;
      float* out = y + r * row + h * job.width;
      with_rest(half, [&](int64_t i, int lanes) {
        const Vec low = load_some(x + i, lanes), high = load_some(x + half + i, lanes);
        const Vec c = load_some(cos + i, lanes), s = load_some(sin + i, lanes) * sign;
        store_some(out + i, low * c - high * s, lanes);
        store_some(out + half + i, high * c + low * s, lanes);
      });
      for (int64_t i = 2 * half; i < job.width; ++i) out[i] = x[i];
    }
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
