# How everything here is compiled and linked. Included once, by the top-level file.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

# No symbol is marked for export, so a shared libioa has to show all of them.
if(NOT BUILD_SHARED_LIBS)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
endif()

# CMake's own default is -O3, which makes the program larger and no faster.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
# Tests are mostly compile time: no optimisation, and as much debug information as backtraces need.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -D_GLIBCXX_ASSERTIONS")

find_program(IOA_CCACHE ccache)
if(IOA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this sloppiness ccache never finds a file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${IOA_CCACHE})
endif()

find_package(Threads REQUIRED)

# What every target of this project is compiled with, and nobody who links to libioa.
add_library(ioa_options INTERFACE)
target_compile_options(ioa_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor
  -ffunction-sections -fdata-sections)
if(IOA_CCACHE)
  target_compile_options(ioa_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
endif()
target_link_options(ioa_options INTERFACE LINKER:--gc-sections LINKER:--as-needed LINKER:-O1)
if(IOA_SANITIZE)
  target_compile_options(ioa_options INTERFACE
    -fsanitize=${IOA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ioa_options INTERFACE -fsanitize=${IOA_SANITIZE})
  # To judge a virtual call it opens descriptors, so it cries wolf in tests that run out of them.
  target_compile_options(ioa_options INTERFACE -fno-sanitize=vptr)
endif()
if(IOA_FUZZ)
  target_compile_options(ioa_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What nearly every source includes anyway, compiled once for each library. A source includes what it
# uses all the same (clang-tidy compiles it without): this is about time only.
set(IOA_PRECOMPILED
  <algorithm> <array> <cerrno> <chrono> <coroutine> <cstddef> <cstdint> <cstring> <deque> <exception>
  <functional> <list> <map> <memory> <optional> <span> <string> <string_view> <system_error>
  <unordered_map> <utility> <variant> <vector> ${PROJECT_SOURCE_DIR}/core/ioa/loop/loop.hpp)

# Sets `variable` to the static library `name`: a single shared one would cost the program more
# start-up time than all of its own work. A shared libioa cannot hold Debian's static libraries.
function(ioa_dependency variable name)
  if(IOA_SHARED_DEPS OR BUILD_SHARED_LIBS)
    find_library(IOA_LIB_${name} NAMES ${name} REQUIRED)
  else()
    find_library(IOA_LIB_${name} NAMES lib${name}.a REQUIRED)
  endif()
  set(${variable} ${IOA_LIB_${name}} PARENT_SCOPE)
endfunction()

# Sources may be added, or a folder be empty, without a word here.
function(ioa_sources variable)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS LIST_DIRECTORIES false ${ARGN})
  set(${variable} ${found} PARENT_SCOPE)
endfunction()
