// What nearly every test includes anyway, compiled once for all test programs. A test includes what
// it uses all the same: this header is about time only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "ioa/io/stream.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/loop_fixture.hpp"
