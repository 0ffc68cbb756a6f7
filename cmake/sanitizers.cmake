# Sanitizers for all of Attune's own code, and what its tests are run with then.
#
# ATTUNE_TEST_ENVIRONMENT is what every test of this build gets besides its own variables.
set(ATTUNE_TEST_ENVIRONMENT "")
if(ATTUNE_WITH_FUZZ)
  # libFuzzer sees which branches an input took in the libraries too, not only in the target itself.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(NOT ATTUNE_SANITIZE)
  return()
endif()
add_compile_options(-fsanitize=${ATTUNE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
if(ATTUNE_SANITIZE MATCHES "address.*undefined")
  # What AddressSanitizer stops at anyway (a null pointer followed, an object left), UBSan does not
  # check again: a fifth of the time to compile.
  add_compile_options(-fno-sanitize=null,object-size,vptr)
endif()
add_link_options(-fsanitize=${ATTUNE_SANITIZE})

# Leaks are looked for at exit, by a helper that traces the process. Some containers forbid tracing:
# every program would then fail for nothing, so the search is left out there, and said so.
if(ATTUNE_SANITIZE MATCHES "address" AND NOT DEFINED ATTUNE_FINDS_LEAKS)
  file(WRITE ${CMAKE_BINARY_DIR}/probe/leaks.cc "int main() { return 0; }\n")
  try_run(exit_code compiled ${CMAKE_BINARY_DIR}/probe ${CMAKE_BINARY_DIR}/probe/leaks.cc
    COMPILE_DEFINITIONS -fsanitize=address LINK_OPTIONS -fsanitize=address
    RUN_OUTPUT_VARIABLE output)
  if(NOT compiled)
    message(FATAL_ERROR "A program with -fsanitize=address does not link: install the compiler's sanitizer runtime")
  endif()
  if(exit_code EQUAL 0)
    set(ATTUNE_FINDS_LEAKS ON CACHE BOOL "Tests look for leaks at exit")
  else()
    message(WARNING "AddressSanitizer cannot look for leaks on this machine: ${output}")
    set(ATTUNE_FINDS_LEAKS OFF CACHE BOOL "Tests look for leaks at exit")
  endif()
endif()

set(leaks 0)
if(ATTUNE_FINDS_LEAKS)
  set(leaks 1)
endif()
# intercept_tls_get_addr=0: up to GCC 13 and LLVM 16 the runtime takes some thread-local blocks of loaded
# libraries (attune_parquet.so) for those of a C library before 2.25, reads a length that is none, and
# dies of it at exit, now and then.
# What other libraries make of our files does not depend on sanitizers: that is tested once, in
# `release`, where their start-up is paid for once.
list(APPEND ATTUNE_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_leaks=${leaks}:strict_string_checks=1:detect_stack_use_after_return=1:intercept_tls_get_addr=0"
  "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1"
  "GTEST_FILTER=-Interop*")
