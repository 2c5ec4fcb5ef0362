include(CMakeFindDependencyMacro)
find_dependency(Threads)

if(NOT TARGET ioa::event_core)
  find_library(IOA_EVENT_CORE_LIBRARY NAMES event_core REQUIRED)
  add_library(ioa::event_core UNKNOWN IMPORTED)
  set_target_properties(ioa::event_core PROPERTIES IMPORTED_LOCATION ${IOA_EVENT_CORE_LIBRARY})
endif()

if(NOT TARGET ioa::crypto)
  find_library(IOA_CRYPTO_LIBRARY NAMES crypto REQUIRED)
  add_library(ioa::crypto UNKNOWN IMPORTED)
  set_target_properties(ioa::crypto PROPERTIES IMPORTED_LOCATION ${IOA_CRYPTO_LIBRARY})
endif()

if(NOT TARGET ioa::cares)
  find_library(IOA_CARES_LIBRARY NAMES cares REQUIRED)
  add_library(ioa::cares UNKNOWN IMPORTED)
  set_target_properties(ioa::cares PROPERTIES IMPORTED_LOCATION ${IOA_CARES_LIBRARY})
endif()

include(${CMAKE_CURRENT_LIST_DIR}/ioa-targets.cmake)
