#include "ioa/net/connector.hpp"

#include <utility>

#include "ioa/net/connect_operation.hpp"
#include "ioa/net/socket_calls.hpp"

namespace ioa {

Future<Connection> Connector::connect(ConnectRequest request) {
  SocketCalls& calls = calls_ != nullptr ? *calls_ : SocketCalls::system();
  return detail::ConnectOperation::start(loop_, resolver_, calls, std::move(request));
}

}  // namespace ioa
