#include "ioa/worker/system_database.hpp"

#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "ioa/base/immortal.hpp"

namespace ioa {
namespace {

struct CodeText {
  const char* symbol;
  const char* message;
};

// In the order of DatabaseCode.
constexpr std::array kTexts{
    CodeText{"NOUSER", "no such user"},       CodeText{"NOGROUP", "no such group"},
    CodeText{"NOSERVICE", "no such service"}, CodeText{"NOPROTOCOL", "no such protocol"},
    CodeText{"NONETWORK", "no such network"},
};

const CodeText* text_of(int code) noexcept {
  const auto index = static_cast<std::size_t>(code) - 1;
  return index < kTexts.size() ? &kTexts[index] : nullptr;
}

class DatabaseCategory : public NamedCategory {
 public:
  const char* name() const noexcept override { return "database"; }
  std::string message(int code) const override {
    const CodeText* text = text_of(code);
    return text != nullptr ? text->message : "no such entry";
  }
  std::string symbol(int code) const override {
    const CodeText* text = text_of(code);
    return text != nullptr ? text->symbol : "";
  }
};

std::string text_or_empty(const char* text) { return text != nullptr ? text : ""; }

std::vector<std::string> list_of(char** items) {
  std::vector<std::string> list;
  for (; items != nullptr && *items != nullptr; ++items) list.emplace_back(*items);
  return list;
}

UserEntry entry_of(const passwd& found) {
  return {text_or_empty(found.pw_name),
          found.pw_uid,
          found.pw_gid,
          text_or_empty(found.pw_gecos),
          text_or_empty(found.pw_dir),
          text_or_empty(found.pw_shell)};
}

GroupEntry entry_of(const ::group& found) {
  return {text_or_empty(found.gr_name), found.gr_gid, list_of(found.gr_mem)};
}

ServiceEntry entry_of(const servent& found) {
  return {text_or_empty(found.s_name), ntohs(static_cast<std::uint16_t>(found.s_port)),
          text_or_empty(found.s_proto), list_of(found.s_aliases)};
}

ProtocolEntry entry_of(const protoent& found) {
  return {text_or_empty(found.p_name), found.p_proto, list_of(found.p_aliases)};
}

NetworkEntry entry_of(const netent& found) {
  return {text_or_empty(found.n_name), found.n_net, list_of(found.n_aliases)};
}

// What the functions say for "it is not there": 0, or one of these (getpwnam(3), NOTES).
bool means_absent(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

/// Calls one of the `_r` functions with as much room as it needs. They return their errno value,
/// and null for what is not there; errno itself says nothing.
template <class Raw, class Call>
auto look_up(const char* what, DatabaseCode absent, const std::string& subject, Call call) {
  constexpr std::size_t kFirst = 1024;
  constexpr std::size_t kMost = std::size_t{16} << 20;  // a group may have very many members
  for (std::vector<char> room(kFirst); room.size() <= kMost; room.resize(room.size() * 4)) {
    Raw entry{};
    Raw* found = nullptr;
    const int error = call(&entry, room.data(), room.size(), &found);
    if (found != nullptr) return entry_of(*found);
    if (error == ERANGE) continue;
    if (means_absent(error)) throw Error(ErrorKind::failed, absent, what, subject);
    throw Error::from_errno(error, what, subject);
  }
  throw Error::from_errno(ERANGE, what, subject);
}

constexpr const char* kUser = "look up user";
constexpr const char* kGroup = "look up group";
constexpr const char* kService = "look up service";
constexpr const char* kProtocol = "look up protocol";
constexpr const char* kNetwork = "look up network";

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::string with_protocol(std::string service, const std::string& protocol) {
  return protocol.empty() ? service : service + "/" + protocol;
}

}  // namespace

const std::error_category& database_category() noexcept { return immortal<DatabaseCategory>(); }

Future<UserEntry> SystemDatabase::user(std::string name) {
  return pool_.run([name = std::move(name)] {
    return look_up<passwd>(kUser, DatabaseCode::no_such_user, name,
                           [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); });
  });
}

Future<UserEntry> SystemDatabase::user(uid_t uid) {
  return pool_.run([uid] {
    return look_up<passwd>(kUser, DatabaseCode::no_such_user, std::to_string(uid),
                           [&](auto... rest) { return ::getpwuid_r(uid, rest...); });
  });
}

Future<GroupEntry> SystemDatabase::group(std::string name) {
  return pool_.run([name = std::move(name)] {
    return look_up<::group>(kGroup, DatabaseCode::no_such_group, name,
                            [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); });
  });
}

Future<GroupEntry> SystemDatabase::group(gid_t gid) {
  return pool_.run([gid] {
    return look_up<::group>(kGroup, DatabaseCode::no_such_group, std::to_string(gid),
                            [&](auto... rest) { return ::getgrgid_r(gid, rest...); });
  });
}

Future<ServiceEntry> SystemDatabase::service(std::string name, std::string protocol) {
  return pool_.run([name = std::move(name), protocol = std::move(protocol)] {
    return look_up<servent>(
        kService, DatabaseCode::no_such_service, with_protocol(name, protocol), [&](auto... rest) {
          return ::getservbyname_r(name.c_str(), text_or_null(protocol), rest...);
        });
  });
}

Future<ServiceEntry> SystemDatabase::service(std::uint16_t port, std::string protocol) {
  return pool_.run([port, protocol = std::move(protocol)] {
    const std::string subject = with_protocol(std::to_string(port), protocol);
    return look_up<servent>(kService, DatabaseCode::no_such_service, subject, [&](auto... rest) {
      return ::getservbyport_r(htons(port), text_or_null(protocol), rest...);
    });
  });
}

Future<ProtocolEntry> SystemDatabase::protocol(std::string name) {
  return pool_.run([name = std::move(name)] {
    return look_up<protoent>(kProtocol, DatabaseCode::no_such_protocol, name, [&](auto... rest) {
      return ::getprotobyname_r(name.c_str(), rest...);
    });
  });
}

Future<ProtocolEntry> SystemDatabase::protocol(int number) {
  return pool_.run([number] {
    return look_up<protoent>(kProtocol, DatabaseCode::no_such_protocol, std::to_string(number),
                             [&](auto... rest) { return ::getprotobynumber_r(number, rest...); });
  });
}

Future<NetworkEntry> SystemDatabase::network(std::string name) {
  return pool_.run([name = std::move(name)] {
    return look_up<netent>(kNetwork, DatabaseCode::no_such_network, name, [&](auto... rest) {
      int host_error = 0;
      const int error = ::getnetbyname_r(name.c_str(), rest..., &host_error);
      return host_error == HOST_NOT_FOUND ? 0 : error;
    });
  });
}

Future<NetworkEntry> SystemDatabase::network(std::uint32_t number) {
  return pool_.run([number] {
    return look_up<netent>(
        kNetwork, DatabaseCode::no_such_network, std::to_string(number), [&](auto... rest) {
          int host_error = 0;
          const int error = ::getnetbyaddr_r(number, AF_INET, rest..., &host_error);
          return host_error == HOST_NOT_FOUND ? 0 : error;
        });
  });
}

}  // namespace ioa
