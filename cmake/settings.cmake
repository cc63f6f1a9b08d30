# How every target is compiled. Settings bind to the interface target sluice_settings, never to the directory, so that
# a project that adds sluice as a subdirectory keeps its own flags.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endif()

find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SLUICE_CCACHE})
endif()

add_library(sluice_settings INTERFACE)
target_compile_features(sluice_settings INTERFACE cxx_std_23)
target_include_directories(sluice_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sluice_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Werror
  -fno-omit-frame-pointer -fstack-clash-protection)
find_package(Threads REQUIRED)
target_link_libraries(sluice_settings INTERFACE Threads::Threads)

if(SLUICE_CHECKS)
  target_compile_definitions(sluice_settings INTERFACE SLUICE_CHECKS)
endif()

if(SLUICE_SANITIZER STREQUAL "address")
  # GCC's manual: sanitizers raise the rate of false positives of this warning (12.2 has one for std::optional of strings).
  target_compile_options(sluice_settings INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wno-maybe-uninitialized)
  target_link_options(sluice_settings INTERFACE -fsanitize=address,undefined)
elseif(SLUICE_SANITIZER STREQUAL "thread")
  # GCC warns that TSan does not model atomic_thread_fence; the places that use one say how TSan is told instead.
  target_compile_options(sluice_settings INTERFACE -fsanitize=thread -Wno-tsan)
  target_link_options(sluice_settings INTERFACE -fsanitize=thread)
elseif(SLUICE_SANITIZER STREQUAL "fuzzer")
  # Everything is built to tell libFuzzer where it has been; libFuzzer itself is linked in fuzz/ only. Clang does not know
  # GCC's spelling of no_sanitize, which matters where a stack is walked and nowhere else; and it warns of what GCC's library
  # calls of its own.
  target_compile_options(sluice_settings INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -Wno-unknown-attributes -Wno-deprecated-declarations)
  target_link_options(sluice_settings INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
elseif(NOT SLUICE_SANITIZER STREQUAL "")
  message(FATAL_ERROR "SLUICE_SANITIZER must be address, thread, fuzzer or empty, not '${SLUICE_SANITIZER}'")
endif()
