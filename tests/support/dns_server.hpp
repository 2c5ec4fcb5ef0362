#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "ioa/net/socket_address.hpp"
#include "tests/support/dns_message.hpp"

namespace ioa::test {

/// A name server on 127.0.0.1 that answers as a script says, by UDP and TCP, at one port.
///
///     DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
///       if (query.number == 0) return {};                  // the first is lost
///       DnsMessage message;
///       message.answers = {address_record(query.name, "192.0.2.1")};
///       return {message.wire(query)};
///     });
///
/// What a script returns goes to who asked last: one that keeps a reply back is late. By TCP an
/// empty list ends the connection.
class DnsServer {
 public:
  using Replies = std::vector<std::string>;
  using Script = std::function<Replies(const DnsQuery&)>;

  explicit DnsServer(Script script);
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer();

  SocketAddress address() const { return address_; }
  std::string port() const { return std::to_string(address_.port()); }
  /// For `--server`.
  std::string text() const { return address_.to_string(); }
  /// What has been asked so far, in its order.
  std::vector<DnsQuery> asked() const;
  std::size_t count() const { return asked().size(); }
  /// Refuses from now on, with an ICMP error or a reset.
  void stop();

 private:
  void serve();
  Replies answer(std::string_view message, bool is_tcp);
  void serve_datagram();
  bool serve_stream(int fd);

  Script script_;
  UniqueFd udp_;
  UniqueFd tcp_;
  UniqueFd stop_;
  SocketAddress address_;
  std::vector<UniqueFd> streams_;
  mutable std::mutex mutex_;
  std::vector<DnsQuery> asked_;
  std::map<std::string, int> numbers_;
  std::thread thread_;
};

/// What answers everything with one reply.
DnsServer::Script always(DnsMessage message);
/// Addresses by name; NXDOMAIN for others, NODATA where there is none of the family.
DnsServer::Script hosts(std::map<std::string, std::vector<std::string>> addresses);

}  // namespace ioa::test
