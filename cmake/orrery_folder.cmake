# orrery_folder(NAME [EXCLUDE file...] [LINK target...] [PRIVATE_LINK target...])
#   The static library orrery_NAME of all *.cpp below the current folder. A folder without sources yet is an INTERFACE
#   library, so that those who link it need not care.
function(orrery_folder name)
  cmake_parse_arguments(arg "" "" "EXCLUDE;LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  foreach(excluded IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${excluded}")
  endforeach()
  if(sources)
    add_library(orrery_${name} STATIC ${sources})
    target_include_directories(orrery_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(orrery_${name} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK} orrery_flags)
    orrery_define_where_named(${sources})
  else()
    add_library(orrery_${name} INTERFACE)
    target_include_directories(orrery_${name} INTERFACE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(orrery_${name} INTERFACE ${arg_LINK} ${arg_PRIVATE_LINK})
  endif()
endfunction()

# Three macros tell a source file what only the build knows:
#   ORRERY_VERSION           "0.1.0", or "0.1.0+<git describe>" in a git checkout
#   ORRERY_SOURCE_DATA_DIR   the source tree, where data is looked for last
#   ORRERY_BINARY            the built command line program, for tests that run it
# Each is defined only for the .cpp files that name it, so that a new commit or another checkout recompiles only those.
# (Use them in .cpp files, not in headers; after adding a use, configure again: ./dev build always does.)
set(ORRERY_VERSION "${PROJECT_VERSION}")
find_package(Git QUIET)
if(Git_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
  execute_process(COMMAND "${GIT_EXECUTABLE}" describe --always --dirty --tags
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE describe OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND NOT describe STREQUAL "")
    string(APPEND ORRERY_VERSION "+${describe}")
  endif()
endif()

function(orrery_define_where_named)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" uses REGEX "ORRERY_(VERSION|SOURCE_DATA_DIR|BINARY)")
    if(uses MATCHES "ORRERY_VERSION")
      set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_DEFINITIONS "ORRERY_VERSION=\"${ORRERY_VERSION}\"")
    endif()
    if(uses MATCHES "ORRERY_SOURCE_DATA_DIR")
      set_property(SOURCE "${source}" APPEND PROPERTY
        COMPILE_DEFINITIONS "ORRERY_SOURCE_DATA_DIR=\"${PROJECT_SOURCE_DIR}\"")
    endif()
    if(uses MATCHES "ORRERY_BINARY")
      set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_DEFINITIONS "ORRERY_BINARY=\"$<TARGET_FILE:orrery>\"")
    endif()
  endforeach()
endfunction()
