# Apache Arrow and its Parquet library out of the wheel pyarrow of the project's Python environment,
# as attune_arrow: headers as SYSTEM, libraries by their full names. ATTUNE_WITH_PARQUET off, or a
# machine without the wheel, builds Attune without attune_parquet.so; reading Parquet then says so.
option(ATTUNE_WITH_PARQUET "Build attune_parquet.so (needs the wheel pyarrow)" ON)

if(NOT DEFINED ATTUNE_PYTHON)
  set(ATTUNE_PYTHON ${PROJECT_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH "Python whose torch and pyarrow are the C++ SDKs")
endif()
if(ATTUNE_WITH_PARQUET AND EXISTS ${ATTUNE_PYTHON})
  execute_process(
    COMMAND ${ATTUNE_PYTHON} -c "import importlib.util as u, os; print(os.path.dirname(u.find_spec('pyarrow').origin))"
    OUTPUT_VARIABLE arrow_root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(arrow_root)
  file(GLOB arrow_library ${arrow_root}/libarrow.so.[0-9]*)
  file(GLOB parquet_library ${arrow_root}/libparquet.so.[0-9]*)
endif()
if(arrow_library AND parquet_library)
  message(STATUS "Arrow ${arrow_library}")
  add_library(attune_arrow INTERFACE)
  target_include_directories(attune_arrow SYSTEM INTERFACE ${arrow_root}/include)
  target_link_libraries(attune_arrow INTERFACE ${parquet_library} ${arrow_library})
elseif(ATTUNE_WITH_PARQUET)
  message(STATUS "Arrow was not found (scripts/setup.sh installs the wheel pyarrow): no Parquet files")
endif()
