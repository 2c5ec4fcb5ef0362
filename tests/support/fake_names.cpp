#include "tests/support/fake_names.hpp"

#include <netdb.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "ioa/net/host_service.hpp"

namespace ioa::test {
namespace {

struct Node {
  addrinfo info{};
  sockaddr_storage address{};
};

Node* make_node(const SocketAddress& address, const addrinfo& hints) {
  auto* node = new Node();
  std::memcpy(&node->address, address.data(), address.size());
  node->info.ai_family = address.family();
  node->info.ai_socktype = hints.ai_socktype;
  node->info.ai_protocol = hints.ai_protocol;
  node->info.ai_addr = reinterpret_cast<sockaddr*>(&node->address);
  node->info.ai_addrlen = address.size();
  return node;
}

void free_list(addrinfo* list) {
  while (list != nullptr) {
    auto* node = reinterpret_cast<Node*>(list);
    list = list->ai_next;
    delete node;
  }
}

}  // namespace

struct FakeNames::State {
  struct Answer {
    std::vector<std::string> addresses;
    int eai = 0;
    int errno_value = 0;
  };

  int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
    const std::string host = node != nullptr ? node : "";
    const std::string port = service != nullptr ? service : "";
    Answer answer;
    std::vector<std::shared_ptr<Gate>> passed;
    {
      const std::lock_guard lock(mutex);
      asked.push_back({host, port, hints->ai_family, hints->ai_socktype, hints->ai_flags});
      const auto known = answers.find(host);
      answer = known != answers.end() ? known->second : Answer{{}, EAI_NONAME, 0};
      for (const auto& [key, gate] : gates)
        if (key.first == host && (key.second == AF_UNSPEC || key.second == hints->ai_family))
          passed.push_back(gate);
    }
    for (const auto& gate : passed) gate->wait();
    errno = answer.errno_value;
    if (answer.eai != 0) return answer.eai;
    return list_of(answer, port, *hints, result);
  }

  static int list_of(const Answer& answer, const std::string& port, const addrinfo& hints,
                     addrinfo** result) {
    const auto number = parse_port(port.empty() ? "0" : port);
    if (!number) return EAI_SERVICE;
    *result = nullptr;
    addrinfo** end = result;
    for (const std::string& text : answer.addresses) {
      const auto address = SocketAddress::from_numeric(text, *number);
      if (hints.ai_family != AF_UNSPEC && hints.ai_family != address->family()) continue;
      *end = &make_node(*address, hints)->info;
      end = &(*end)->ai_next;
    }
    return *result != nullptr ? 0 : EAI_NODATA;
  }

  int getnameinfo(char* host, socklen_t host_size, char* service, socklen_t service_size) {
    const std::lock_guard lock(mutex);
    std::snprintf(host, host_size, "%s", reverse_host.c_str());
    std::snprintf(service, service_size, "%s", reverse_service.c_str());
    return reverse_host.empty() ? EAI_NONAME : 0;
  }

  mutable std::mutex mutex;
  std::map<std::string, Answer> answers;
  std::map<std::pair<std::string, int>, std::shared_ptr<Gate>> gates;
  std::vector<Call> asked;
  std::string reverse_host;
  std::string reverse_service;
};

FakeNames::FakeNames() : state_(std::make_shared<State>()) {}

void FakeNames::set(const std::string& host, std::vector<std::string> addresses) {
  const std::lock_guard lock(state_->mutex);
  state_->answers[host] = {std::move(addresses), 0, 0};
}

void FakeNames::fail(const std::string& host, int eai, int errno_value) {
  const std::lock_guard lock(state_->mutex);
  state_->answers[host] = {{}, eai, errno_value};
}

Gate& FakeNames::delay(const std::string& host, int family) {
  const std::lock_guard lock(state_->mutex);
  auto& gate = state_->gates[{host, family}];
  if (!gate) gate = std::make_shared<Gate>();
  return *gate;
}

void FakeNames::set_reverse(const std::string& host, const std::string& service) {
  const std::lock_guard lock(state_->mutex);
  state_->reverse_host = host;
  state_->reverse_service = service;
}

ResolverCalls FakeNames::calls() const {
  ResolverCalls calls;
  calls.getaddrinfo = [state = state_](const char* node, const char* service, const addrinfo* hints,
                                       addrinfo** result) {
    return state->getaddrinfo(node, service, hints, result);
  };
  calls.freeaddrinfo = free_list;
  calls.getnameinfo = [state = state_](const sockaddr*, socklen_t, char* host, socklen_t host_size,
                                       char* service, socklen_t service_size, int) {
    return state->getnameinfo(host, host_size, service, service_size);
  };
  return calls;
}

std::vector<FakeNames::Call> FakeNames::asked() const {
  const std::lock_guard lock(state_->mutex);
  return state_->asked;
}

void FakeNames::open_all() {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [key, gate] : state_->gates) gate->open();
}

}  // namespace ioa::test
