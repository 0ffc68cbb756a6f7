# Language level, warnings, instruction set, sanitizers and compiler cache for all of Attune's own code.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY() is a statement expression
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")  # CHECK does not depend on NDEBUG
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# Half the time of the default linker, for every program that a touched file makes link anew. It is
# part of Debian's binutils; where it is missing, the default does.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=gold ATTUNE_HAS_GOLD)
if(ATTUNE_HAS_GOLD AND NOT ATTUNE_SANITIZE AND NOT ATTUNE_WITH_FUZZ)
  add_link_options(-fuse-ld=gold)
endif()

# One engine unit takes up to 1.5 GB to compile: bound the pool by memory, not only by cores.
cmake_host_system_information(RESULT memory_mb QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR compile_jobs "${memory_mb} / 1536")
if(compile_jobs LESS 1)
  set(compile_jobs 1)
endif()
set_property(GLOBAL PROPERTY JOB_POOLS compile_pool=${compile_jobs})
set(CMAKE_JOB_POOL_COMPILE compile_pool)

add_library(attune_compile_options INTERFACE)
target_include_directories(attune_compile_options INTERFACE ${PROJECT_SOURCE_DIR}/cmake/lean_headers)
target_compile_options(attune_compile_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 takes the inactive member of a std::variant for uninitialised memory, and some string
  # concatenations for overlapping copies, or for copies of impossible sizes (GCC bugs 105651, 105329).
  target_compile_options(attune_compile_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()

# What GCC's collector would save of a unit's memory (up to 0.5 GB) is not needed: without it a unit
# compiles 3 to 15 % faster.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(attune_compile_options INTERFACE --param=ggc-min-heapsize=1048576)
endif()

# The floor is x86-64-v3 (AVX2, FMA, BMI2); faster kernels are chosen at run time, unit by unit.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(attune_compile_options INTERFACE -march=x86-64-v3)
endif()

include(sanitizers)
