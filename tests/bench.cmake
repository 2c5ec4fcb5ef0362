# Benchmarks: bench/NAME.cpp is a program that serves one or more benches, each with its variants;
# <build>/bench/ has a link of each name to it, and the program sees by which one it was called.
# Called directly, such as by `./dev bench`, a link does the whole work with the usual figures.

add_library(bench_support STATIC bench/bench.cpp)
target_include_directories(bench_support PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_support PUBLIC ioa_options ioa::core)

add_custom_target(benchmarks)

# ioa_bench(PROGRAM NAME[.VARIANT]...)
function(ioa_bench program)
  add_executable(bench_of_${program} bench/${program}.cpp)
  target_link_libraries(bench_of_${program} PRIVATE bench_support)
  add_dependencies(benchmarks bench_of_${program})
  set_target_properties(bench_of_${program} PROPERTIES
    OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench/programs)
  foreach(name IN LISTS ARGN)
    file(CREATE_LINK programs/${program} ${PROJECT_BINARY_DIR}/bench/bench_${name} SYMBOLIC)
  endforeach()
endfunction()

file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
ioa_bench(timers timers_fire timers_cancel timers_reset)
ioa_bench(post post post.watch post_chain post_chain.watch)
foreach(name pingpong_1 pingpong_100 pingpong_tcp_1 pingpong_tcp_100)
  list(APPEND pingpong ${name}.handle ${name}.stream ${name}.coro)
endforeach()
ioa_bench(pingpong ${pingpong})
ioa_bench(stream stream_bulk stream_bulk.coro stream_lines stream_lines.coro)
ioa_bench(churn churn)
ioa_bench(idle idle.handle idle.stream idle.coro)
ioa_bench(futures coro_call future_ready future_then future_pending future_loop)
ioa_bench(work work_thread_1 work_thread_64 work_process_1 work_process_64 resolve resolve.shared)
ioa_bench(spawn spawn spawn.process spawn.run spawn_fat spawn_fat.process spawn_fat.run)
