# Headers that nearly every unit reads, compiled once for each set of flags: a clean build takes about
# half the time. They are the standard library's and our dependencies' alone; our own headers stay
# what each unit includes by itself, so that a change of one compiles only what reads it.
#
# A precompiled header fits units of the same flags; sources with flags of their own (-O3 kernels) are
# marked SKIP_PRECOMPILE_HEADERS beside these flags. -Winvalid-pch and ATTUNE_WARNINGS=error catch one
# that was forgotten.
option(ATTUNE_WITH_PRECOMPILED_HEADERS "Compile the common headers once" ON)

# Programs are compiled as libraries are (-fPIC), so that one precompiled header fits both.
if(ATTUNE_WITH_PRECOMPILED_HEADERS)
  set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)
endif()

set(attune_common_headers <algorithm> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional>
  <set> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h> <nlohmann/json.hpp>)

# attune_precompile(NAME HEADERS <a> ... DEPS lib ...): the headers for units that link DEPS
function(attune_precompile name)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
  add_library(attune_headers_${name} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cc)
  target_link_libraries(attune_headers_${name} PRIVATE fmt::fmt nlohmann_json::nlohmann_json ${ARG_DEPS} attune_compile_options)
  target_include_directories(attune_headers_${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake)
  target_precompile_headers(attune_headers_${name} PRIVATE ${attune_common_headers} ${ARG_HEADERS})
endfunction()

# Whether a target links LibTorch, by itself or through what it links.
function(attune_links_torch target result)
  set(${result} FALSE PARENT_SCOPE)
  if(target STREQUAL "attune_torch")
    set(${result} TRUE PARENT_SCOPE)
  elseif(TARGET ${target})
    get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
    foreach(library IN LISTS libraries)
      attune_links_torch("${library}" found)
      if(found)
        set(${result} TRUE PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endif()
endfunction()

# attune_use_precompiled(TARGET TESTS|NO_TESTS DEP...): the set that fits what the target links; none
# where MPI brings flags of its own.
function(attune_use_precompiled target kind)
  if(NOT ATTUNE_WITH_PRECOMPILED_HEADERS OR "attune_mpi" IN_LIST ARGN)
    return()
  endif()
  set(name common)
  foreach(library IN LISTS ARGN)
    attune_links_torch("${library}" torch)
    if(torch)
      set(name torch)
    endif()
  endforeach()
  if(kind STREQUAL "TESTS")
    string(APPEND name _tests)
  endif()
  target_precompile_headers(${target} REUSE_FROM attune_headers_${name})
endfunction()

if(ATTUNE_WITH_PRECOMPILED_HEADERS)
  attune_precompile(common)
  if(ATTUNE_WITH_TESTS)
    attune_precompile(common_tests HEADERS <gtest/gtest.h> DEPS GTest::gtest)
  endif()
  if(ATTUNE_WITH_ENGINE)
    attune_precompile(torch HEADERS <precompiled_torch.h> DEPS attune_torch)
    if(ATTUNE_WITH_TESTS)
      attune_precompile(torch_tests HEADERS <precompiled_torch.h> <gtest/gtest.h>
        DEPS attune_torch GTest::gtest)
    endif()
  endif()
endif()
