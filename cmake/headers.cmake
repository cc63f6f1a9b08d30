# Every public and internal header compiles alone: a user includes one and needs no other.
#
# A header with a .cpp of its own is proved by that one, which includes it first (tools/check-style sees to it). For each
# of the others a source of one line is made; the target headers_alone compiles them, at the price of parsing only.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS sluice/*.hpp apps/*.hpp)
set(header_sources)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "[.]hpp$" ".cpp" source ${header})
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${source})
    set(header_source ${PROJECT_BINARY_DIR}/headers_alone/${source})
    file(CONFIGURE OUTPUT ${header_source} CONTENT "#include <${header}>\n")
    list(APPEND header_sources ${header_source})
  endif()
endforeach()

add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${header_sources})
target_link_libraries(headers_alone PRIVATE sluice_settings)
target_compile_options(headers_alone PRIVATE -O0 -g0)
