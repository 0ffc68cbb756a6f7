#!/usr/bin/env bash
# Builds the engine against a LibTorch for CUDA, runs the tests that take a device on the GPU, and
# measures SFT, DPO and PPO of a random model of 1.04 billion parameters there:
#
#   bench/gpu.sh [PYTHON]
#
# PYTHON (default: python3 on PATH) is an interpreter that has torch for CUDA, of a version that
# cmake/torch_version.cmake accepts. Needed besides: nvcc and CUDA's headers, which LibTorch's CMake
# files ask for, the Debian packages of scripts/setup.sh, and 24 GiB of GPU memory. The build is in
# build/gpu; raw lines go to bench/results/gpu.jsonl (bench/README.md, "On a GPU").
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(command -v "${1:-python3}")
"$python" - <<'CHECK'
import sys
try:
    import torch
except ImportError:
    sys.exit(f"gpu: {sys.executable} has no torch; name an interpreter that has it")
if not torch.cuda.is_available():
    sys.exit(f"gpu: torch {torch.__version__} of {sys.executable} sees no CUDA device")
print(f"gpu: torch {torch.__version__}, CUDA {torch.version.cuda}, {torch.cuda.get_device_name(0)}")
CHECK

export ATTUNE_TEST_DEVICE=cuda:0 ATTUNE_BIN_DIR=$PWD/build/gpu/bin
tests=(engine_tensor_test engine_ops_test engine_optim_test engine_comm_test engine_models_test
       engine_generate_test engine_evaluate_test engine_train_test engine_offline_test
       engine_dpo_test engine_reward_test engine_on_policy_test engine_group_test
       engine_resume_test engine_on_policy_resume_test)
cmake -S . -B build/gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DATTUNE_PYTHON="$python" \
  -DATTUNE_WITH_BENCH=OFF
cmake --build build/gpu --target attune-engine "${tests[@]}"
for test in "${tests[@]}"; do
  "build/gpu/bin/$test" --gtest_brief=1
done
exec "$python" bench/legs/gpu_runs.py build/gpu/bin/attune-engine
