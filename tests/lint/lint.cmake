# Checks that read the sources, the manuals and the program. Included by tests/CMakeLists.txt.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(IOA_CLANG_FORMAT NAMES clang-format-14 clang-format)
find_program(IOA_MANDOC mandoc)

function(ioa_lint name)
  add_test(NAME lint.${name} COMMAND ${ARGN})
  set_tests_properties(lint.${name} PROPERTIES TIMEOUT 120 LABELS lint
    ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endfunction()

set(lint ${CMAKE_CURRENT_LIST_DIR})
ioa_lint(layers ${Python3_EXECUTABLE} ${lint}/layers.py ${PROJECT_SOURCE_DIR})
ioa_lint(co_await_forms ${Python3_EXECUTABLE} ${lint}/co_await_forms.py ${PROJECT_SOURCE_DIR})
ioa_lint(co_await_forms_test ${Python3_EXECUTABLE} ${lint}/co_await_forms_test.py)
ioa_lint(file_sizes ${Python3_EXECUTABLE} ${lint}/file_sizes.py ${PROJECT_SOURCE_DIR})
ioa_lint(engine_rows ${Python3_EXECUTABLE} ${lint}/engine_rows.py ${PROJECT_SOURCE_DIR})
ioa_lint(lint_test ${Python3_EXECUTABLE} ${lint}/lint_test.py)
ioa_lint(examples_test ${Python3_EXECUTABLE} ${lint}/examples_test.py)
# A tool that is not there fails its check: one that is skipped unseen would be worth nothing.
ioa_lint(format ${lint}/format ${IOA_CLANG_FORMAT} ${PROJECT_SOURCE_DIR})

file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/examples/*.cpp)
# A library with sanitizers in it asks its users for the same flags.
if(examples AND NOT IOA_SANITIZE)
  ioa_lint(installed
    ${lint}/installed ${CMAKE_CXX_COMPILER} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR})
  set_tests_properties(lint.installed PROPERTIES TIMEOUT 300)
endif()

file(GLOB manuals CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
if(manuals)
  ioa_lint(manuals ${IOA_MANDOC} -T lint -W warning ${manuals})
endif()

if(TARGET ioa)
  ioa_lint(options_documented ${Python3_EXECUTABLE} ${lint}/options_documented.py $<TARGET_FILE:ioa>
    ${PROJECT_SOURCE_DIR}/man ${PROJECT_SOURCE_DIR}/completions)
  ioa_lint(completions ${Python3_EXECUTABLE} ${lint}/completions_test.py $<TARGET_FILE:ioa>
    ${PROJECT_SOURCE_DIR}/completions)
  ioa_lint(man_examples ${Python3_EXECUTABLE} ${lint}/man_examples.py $<TARGET_FILE:ioa>
    ${PROJECT_SOURCE_DIR}/man)
  ioa_lint(readme_examples ${Python3_EXECUTABLE} ${lint}/readme_examples.py
    ${PROJECT_SOURCE_DIR}/README.md $<TARGET_FILE:ioa>)
  if(NOT IOA_SANITIZE AND NOT IOA_SHARED_DEPS)
    ioa_lint(release_linkage ${Python3_EXECUTABLE} ${lint}/release_linkage.py $<TARGET_FILE:ioa>
      $<$<CONFIG:Debug>:--unoptimized>)
  endif()
endif()
