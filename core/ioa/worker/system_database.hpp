#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/future/future.hpp"
#include "ioa/worker/thread_pool.hpp"

namespace ioa {

/// A user of this system: passwd(5).
struct UserEntry {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string full_name;  ///< The "GECOS" field as it is.
  std::string home;
  std::string shell;
};

/// A group of this system: group(5).
struct GroupEntry {
  std::string name;
  gid_t gid = 0;
  std::vector<std::string> members;
};

/// A service of the network: services(5).
struct ServiceEntry {
  std::string name;
  std::uint16_t port = 0;  ///< In host byte order.
  std::string protocol;    ///< "tcp", "udp", ...
  std::vector<std::string> aliases;
};

/// A protocol on IP: protocols(5).
struct ProtocolEntry {
  std::string name;
  int number = 0;
  std::vector<std::string> aliases;
};

/// A network: networks(5).
struct NetworkEntry {
  std::string name;
  std::uint32_t number = 0;  ///< In host byte order: 127 or 127.0.0.0, as the database has it.
  std::vector<std::string> aliases;
};

/// What is in none of the databases: the errors of a SystemDatabase that are no failure of it.
enum class DatabaseCode {
  no_such_user = 1,
  no_such_group,
  no_such_service,
  no_such_protocol,
  no_such_network
};

/// DatabaseCode as error codes: "no such user (NOUSER)".
const std::error_category& database_category() noexcept;

inline std::error_code make_error_code(DatabaseCode code) noexcept {
  return {static_cast<int>(code), database_category()};
}

/// The databases of the system that nsswitch.conf(5) names, which may be files or servers: asked on
/// threads, never on the Loop's.
///
///     SystemDatabase database(pool);
///     UserEntry user = co_await database.user("www-data");
///
/// ERRORS: operation() is "look up user", "look up group", ...; subject() what was looked up;
/// code() a DatabaseCode if it is not there, else the errno value of what failed. Hosts are the
/// LookupService's.
///
/// OWNERSHIP: the pool outlives it and its Futures. CANCELLING: drop the Future, at a time limit as
/// well (with_timeout()): a call that is stuck is given up with its thread; see ThreadPool.
class SystemDatabase {
 public:
  explicit SystemDatabase(ThreadPool& pool) noexcept : pool_(pool) {}

  /// getpwnam(3), getpwuid(3).
  Future<UserEntry> user(std::string name);
  Future<UserEntry> user(uid_t uid);
  /// getgrnam(3), getgrgid(3).
  Future<GroupEntry> group(std::string name);
  Future<GroupEntry> group(gid_t gid);
  /// getservbyname(3), getservbyport(3); an empty protocol is any.
  Future<ServiceEntry> service(std::string name, std::string protocol = {});
  Future<ServiceEntry> service(std::uint16_t port, std::string protocol = {});
  /// getprotobyname(3), getprotobynumber(3).
  Future<ProtocolEntry> protocol(std::string name);
  Future<ProtocolEntry> protocol(int number);
  /// getnetbyname(3), getnetbyaddr(3), the number as inet_network(3) makes it.
  Future<NetworkEntry> network(std::string name);
  Future<NetworkEntry> network(std::uint32_t number);

 private:
  ThreadPool& pool_;
};

}  // namespace ioa

template <>
struct std::is_error_code_enum<ioa::DatabaseCode> : std::true_type {};
