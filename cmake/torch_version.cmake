# attune_check_torch_version(VERSION): stops unless the engine builds with that LibTorch.
#
#   cmake -DTORCH_VERSION=2.13.0 -P cmake/torch_version.cmake     asks the same from outside
function(attune_check_torch_version version)
  if(version VERSION_LESS 2.11 OR version VERSION_GREATER_EQUAL 2.15)
    message(FATAL_ERROR "LibTorch ${version} was found; Attune builds with 2.11 to 2.14. "
      "Run scripts/setup.sh for the pinned one.")
  endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  attune_check_torch_version("${TORCH_VERSION}")
endif()
