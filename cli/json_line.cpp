#include "cli/json_line.hpp"

#include <nlohmann/json.hpp>
#include <variant>

namespace ioa::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const EventField& field) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::span<const std::string>>)
          return Json(Json::array_t(value.begin(), value.end()));
        else
          return Json(value);
      },
      field.value);
}

}  // namespace

std::string json_line(std::span<const EventField> fields) {
  Json object = Json::object();
  for (const EventField& field : fields) object[std::string(field.name)] = to_json(field);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ioa::cli
