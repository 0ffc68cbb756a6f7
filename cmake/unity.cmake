# Unity builds: several sources of one target compiled as one unit, so that the templates of the
# headers are made, and instrumented, once for all of them. The sanitizer presets make large units,
# which halves their time; `release` small ones, for a touched file should compile in seconds; `debug`
# compiles libraries and programs file by file, which sees an include that is missing (of what is not precompiled).
#
# Files that declare the same name at file level would collide, so they go to different units. What
# this does not see (a name that hides one which a neighbour takes from another namespace) fails to
# compile: rename it, or give the file SKIP_UNITY_BUILD_INCLUSION beside its target.
set(ATTUNE_UNITY_KB 25 CACHE STRING
    "Sources of a target share a unit of up to so many kB; 0 compiles each alone, but for tests")

# The names that SOURCE declares at the left margin: functions, constants, types. No members.
function(attune_file_level_names source result)
  file(READ ${source} text)
  string(REPLACE ";" "," text "${text}")
  string(REPLACE "[" "(" text "${text}")
  string(REPLACE "]" ")" text "${text}")
  string(REGEX MATCHALL "\n[A-Za-z][^\n(={]*[ *&][A-Za-z_][A-Za-z_0-9]*(\\(| =| ?{| : )" declarations "${text}")
  set(names "")
  foreach(declaration IN LISTS declarations)
    string(REGEX REPLACE "^.*[ *&]([A-Za-z_][A-Za-z_0-9]*)(\\(| =| ?{| : )$" "\\1" name "${declaration}")
    list(APPEND names ${name})
  endforeach()
  set(${result} "${names}" PARENT_SCOPE)
endfunction()

# attune_use_unity(TARGET TESTS|NO_TESTS SOURCE...): puts each source into the first group that has
# room for its size and none of its names. Changed declarations make new groups: sources are
# configured from.
function(attune_use_unity target kind)
  if(ATTUNE_UNITY_KB GREATER 0)
    set(bytes_max ${ATTUNE_UNITY_KB}000)
  elseif(kind STREQUAL "TESTS")
    set(bytes_max 25000)
  else()
    return()
  endif()
  set(groups "")
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE path)
    get_source_file_property(generated ${path} GENERATED)
    if(generated OR NOT path MATCHES "\\.cc$")
      continue()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    attune_file_level_names(${path} names)
    list(LENGTH names count)
    file(SIZE ${path} bytes)
    set(chosen "")
    foreach(group IN LISTS groups)
      math(EXPR sum "${bytes} + ${bytes_${group}}")
      set(free ${names})
      list(REMOVE_ITEM free "" ${names_${group}})
      list(LENGTH free free_count)
      if(sum LESS_EQUAL bytes_max AND free_count EQUAL count)
        set(chosen ${group})
        break()
      endif()
    endforeach()
    if(chosen STREQUAL "")
      list(LENGTH groups chosen)
      list(APPEND groups ${chosen})
      set(bytes_${chosen} 0)
      set(names_${chosen} "")
    endif()
    math(EXPR bytes_${chosen} "${bytes} + ${bytes_${chosen}}")
    list(APPEND names_${chosen} ${names})
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${target}_${chosen})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # GCC takes an included source for a header, where a type of an anonymous namespace would be a fault.
  # And it is included by its full path, which must not get into __FILE__: clones share objects.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage> -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
endfunction()
