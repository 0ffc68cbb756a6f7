# Finds LibTorch in the project's Python environment (or wherever CMAKE_PREFIX_PATH says) and offers
# it as attune_torch: headers as SYSTEM and last, no umbrella header, C++20.
include(torch_version)

if(NOT DEFINED ATTUNE_PYTHON)
  set(ATTUNE_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH "Python whose torch is the C++ SDK")
endif()
if(NOT Torch_DIR AND EXISTS ${ATTUNE_PYTHON})
  execute_process(
    COMMAND ${ATTUNE_PYTHON} -c "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
    OUTPUT_VARIABLE torch_root OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND CMAKE_PREFIX_PATH ${torch_root}/share/cmake)
endif()

# A LibTorch for CUDA looks for this machine's GPUs to choose nvcc's flags, and stops where it cannot;
# no source of ours is compiled by nvcc.
if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
  set(TORCH_CUDA_ARCH_LIST 9.0)
endif()

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch was not found. Run scripts/setup.sh, or pass -DCMAKE_PREFIX_PATH=<torch>/share/cmake, "
    "or build without the engine: -DATTUNE_WITH_ENGINE=OFF")
endif()
attune_check_torch_version("${Torch_VERSION}")
message(STATUS "LibTorch ${Torch_VERSION}")

# LibTorch's thread pool is OpenMP's; the runtime comes with the compiler (one libgomp.so.1 is loaded).
# It is linked by OpenMP_CXX_FLAGS and not by CMake's target: by its path, CMake would warn of each
# program that LibTorch's folder has a libgomp.so.1 too.
find_package(OpenMP REQUIRED COMPONENTS CXX)

# LibTorch's include directory also holds other projects' headers (fmt, nlohmann, ...): it is searched
# after the system's own, so that a dependency's headers match the library that is linked.
add_library(attune_torch INTERFACE)
foreach(directory ${TORCH_INCLUDE_DIRS})
  target_compile_options(attune_torch INTERFACE "SHELL:-idirafter ${directory}")
endforeach()
foreach(library torch torch_cpu torch_cuda torch_library torch_cpu_library torch_cuda_library c10 c10_cuda)
  if(TARGET ${library})
    set_target_properties(${library} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "")
  endif()
endforeach()
target_compile_definitions(attune_torch INTERFACE AT_PER_OPERATOR_HEADERS)
# LibTorch exports parts of std::filesystem that its wheels carry for older systems. The loader takes
# the first library that has a symbol: the compiler's own comes before, or programs call half of one
# and half of the other (a crash in remove_all with the CUDA wheel of 2.11).
target_link_libraries(attune_torch INTERFACE stdc++ torch torch_cpu c10)
if(TARGET torch_cuda)
  # Nothing refers to a symbol of libtorch_cuda; torch_library keeps the linker from leaving it out.
  target_link_libraries(attune_torch INTERFACE torch_library)
endif()
target_compile_features(attune_torch INTERFACE cxx_std_20)
