# A room is a folder with one purpose, one library and its tests beside its sources.
#
#   sluice_room(governance
#     SOURCES rate_limit.cpp
#     DEPENDS base observe runtime          # other rooms; checked against layers.txt by tools/check-layers
#     LINK PUBLIC fmt::fmt                  # anything else, in the words of target_link_libraries
#     TESTS rate_limit_test.cpp             # one executable, governance_test
#     LABELS unit)                          # of its tests; unit by default
#
# The library is called sluice_<room>, with the alias sluice::<room>.
function(sluice_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LINK;TESTS;LABELS" ${ARGN})
  add_library(sluice_${name} STATIC ${ROOM_SOURCES})
  add_library(sluice::${name} ALIAS sluice_${name})
  list(TRANSFORM ROOM_DEPENDS PREPEND sluice::)
  target_link_libraries(sluice_${name} PUBLIC sluice_settings ${ROOM_DEPENDS})
  if(ROOM_LINK)
    target_link_libraries(sluice_${name} ${ROOM_LINK})
  endif()
  if(SLUICE_TESTS AND ROOM_TESTS)
    sluice_test(${name}_test SOURCES ${ROOM_TESTS} DEPENDS sluice::${name} LABELS ${ROOM_LABELS})
  endif()
endfunction()

# A test executable; every TEST in it becomes one ctest case named <executable>.<Suite>.<name>.
# LABELS: what `./test --tsan` and the like select by ("runtime", "e2e").
function(sluice_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_DEPENDS} sluice_settings GTest::gtest GTest::gtest_main)
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  # NO_PRETTY_VALUES: a parameter that cannot print itself would be named by its bytes, addresses among them.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX ${name}.
    PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()
