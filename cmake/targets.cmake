# attune_library, attune_executable and attune_test: the three shapes a folder of this project builds.

# attune_library(NAME SOURCES a.cc ... [DEPS lib ...] [PRIVATE_DEPS lib ...])
#   A static library attune_NAME; includes are written from src/ ("text/tokenizer.h").
function(attune_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(attune_${name} STATIC ${ARG_SOURCES})
  target_include_directories(attune_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(attune_${name}
    PUBLIC ${ARG_DEPS}
    PRIVATE attune_compile_options ${ARG_PRIVATE_DEPS})
  attune_use_precompiled(attune_${name} NO_TESTS ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  attune_use_unity(attune_${name} NO_TESTS ${ARG_SOURCES})
endfunction()

# All that a user runs, without tests and benchmarks: what `make build` and `make demo` build.
add_custom_target(programs)
add_custom_target(benches)

# attune_executable(NAME SOURCES a.cc ... DEPS lib ...)
function(attune_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} attune_compile_options)
  attune_use_precompiled(${name} NO_TESTS ${ARG_DEPS})
endfunction()

# Tests that link LibTorch, or start a program that does, use all cores: they run alone, but for those
# with the label `beside`, which mostly wait for programs that work on tiny models or refuse to start.
function(attune_run_alone test labels)
  if("engine" IN_LIST labels AND NOT "beside" IN_LIST labels AND ATTUNE_WITH_ENGINE)
    set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# attune_test(NAME SOURCES a_test.cc ... DEPS lib ... [LABELS label ...])
#   One GoogleTest program for a folder. Labels: `engine` where LibTorch is linked, `beside` where that
#   need not run alone, `full` for what only `make test-full` runs. Fixtures are found through
#   tests/support/test_paths.h: an object that knew where its tree lies could not come from the compiler
#   cache of another clone.
function(attune_test name)
  if(NOT ATTUNE_WITH_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} attune_compile_options attune_test_support)
  attune_use_precompiled(${name} TESTS ${ARG_DEPS})
  attune_use_unity(${name} TESTS ${ARG_SOURCES})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT 480
    ENVIRONMENT "ATTUNE_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};${ATTUNE_TEST_ENVIRONMENT}")
  attune_run_alone(${name} "${ARG_LABELS}")
endfunction()

# attune_program_test(NAME LABEL... [ALSO_WITHOUT_ENGINE])
#   NAME_test.py of this folder, a unittest program in Python without packages, named FOLDER_NAME. It
#   finds Attune's programs through ATTUNE_BIN_DIR and tests/e2e/programs.py. With the label `engine`
#   it is left out of a build without attune-engine, unless it says that it skips by itself what
#   needs that: `attune` then meets its input under sanitizers too.
function(attune_program_test name)
  cmake_parse_arguments(ARG "ALSO_WITHOUT_ENGINE" "" "" ${ARGN})
  set(labels ${ARG_UNPARSED_ARGUMENTS})
  if("engine" IN_LIST labels AND NOT ATTUNE_WITH_ENGINE AND NOT ARG_ALSO_WITHOUT_ENGINE)
    return()
  endif()
  find_program(ATTUNE_PYTHON3 python3 REQUIRED)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_test(NAME ${folder}_${name} COMMAND ${ATTUNE_PYTHON3} -B ${name}_test.py -v
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set(environment "ATTUNE_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/e2e" ${ATTUNE_TEST_ENVIRONMENT})
  set_tests_properties(${folder}_${name} PROPERTIES
    TIMEOUT 300 LABELS "${labels}" ENVIRONMENT "${environment}")
  attune_run_alone(${folder}_${name} "${labels}")
endfunction()

# attune_fuzz(NAME SOURCES a_fuzz.cc ... DEPS lib ...)
#   A fuzz target (LLVMFuzzerTestOneInput) with its seed corpus in fuzz/corpus/NAME/. With
#   ATTUNE_WITH_FUZZ it is a libFuzzer program that searches for ATTUNE_FUZZ_SECONDS; elsewhere it is a
#   test that feeds it every seed and a fixed number of mutations of it, a few seconds in all.
function(attune_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  set(corpus ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  if(ATTUNE_WITH_FUZZ)
    add_executable(${name} ${ARG_SOURCES})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(found ${CMAKE_BINARY_DIR}/found/${name})
    file(MAKE_DIRECTORY ${found})
    add_test(NAME ${name} COMMAND ${name} -max_total_time=${ATTUNE_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
      -artifact_prefix=${found}/ ${found} ${corpus})
  else()
    add_executable(${name} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/fuzz/replay.cc)
    add_test(NAME ${name} COMMAND ${name} ${corpus})
  endif()
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} attune_compile_options)
  set_tests_properties(${name} PROPERTIES TIMEOUT 480 LABELS other
    ENVIRONMENT "${ATTUNE_TEST_ENVIRONMENT}")
endfunction()
