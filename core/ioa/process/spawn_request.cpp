#include "ioa/process/spawn_request.hpp"

#include <utility>

namespace ioa {

SpawnRequest SpawnRequest::command(std::vector<std::string> arguments) {
  SpawnRequest request;
  request.arguments = std::move(arguments);
  return request;
}

SpawnRequest SpawnRequest::shell(std::string line) {
  return command({"/bin/sh", "-c", std::move(line)});
}

}  // namespace ioa
