# NCCL for training on several GPUs: only beside a LibTorch for CUDA, the same library that it loads
# itself. Its header comes with the wheel that LibTorch needs (nvidia/nccl beside it), or from the
# system; NCCL_ROOT says where else. Without it the engine trains on one GPU a process.
if(TARGET torch_cuda)
  get_filename_component(torch_site ${TORCH_INSTALL_PREFIX} DIRECTORY)
  set(nccl_places ${NCCL_ROOT} $ENV{NCCL_ROOT} ${torch_site}/nvidia/nccl)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${nccl_places} PATH_SUFFIXES include)
  find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${nccl_places} PATH_SUFFIXES lib)
  if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY)
    message(STATUS "NCCL ${NCCL_LIBRARY}")
    add_library(attune_nccl INTERFACE)
    target_include_directories(attune_nccl SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
    target_link_libraries(attune_nccl INTERFACE ${NCCL_LIBRARY} c10_cuda)
  else()
    message(STATUS "NCCL was not found: no training on several GPUs")
  endif()
endif()
