#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

#define ATTUNE_TEXT_OF(name) #name
#define ATTUNE_NAME_OF(name) ATTUNE_TEXT_OF(name)

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

const KernelTable table = {
    ATTUNE_NAME_OF(ATTUNE_KERNELS),
    kLanes,
    softmax_rows,
    rms_norm,
    rms_norm_backward,
    swiglu,
    swiglu_backward,
    rotate,
    attention_scratch_floats,
    attention,
    attention_backward,
    matrix_tile,
    pack_rows,
    pack_columns,
    multiply_packed,
    few_rows_product,
    attend_cached,
    quantize_input,
#if defined(__AVX2__)
    product_q8_0,
    product_q4_0,
    product_q4_1,
#else
    nullptr,
    nullptr,
    nullptr,
#endif
};

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
