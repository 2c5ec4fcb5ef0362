#include "ioa/ares/ares_client.hpp"

#include <ares.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "ioa/ares/dns_error.hpp"
#include "ioa/ares/message_reader.hpp"
#include "ioa/ares/reply_decoder.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::detail {
namespace {

using namespace std::chrono_literals;

constexpr int kInternet = 1;       // RFC 1035 s3.2.4
constexpr int kUdpPayload = 1232;  // bytes that no path cuts in pieces: the DNS flag day of 2020
constexpr Duration kSweep = 1s;    // how often probes that nobody waits for are looked at
constexpr std::size_t kMaxServers = 32;  // bits of a mask

std::string key_of(std::string_view name, RecordType type) {
  const std::string_view type_name = record_type_name(type);
  std::string key;
  key.reserve(name.size() + type_name.size() + 1);
  for (const char letter : name)  // RFC 4343: the case of ASCII, whatever the locale
    key += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  key += ' ';
  key += type_name;
  return key;
}

std::vector<std::string> values_of(const DnsReply& reply) {
  std::vector<std::string> values;
  for (const DnsRecord& record : reply.records) values.push_back(record.value);
  return values;
}

}  // namespace

struct AresClient::Waiter {
  Promise<DnsReply> promise;
};

struct AresClient::Question {
  Question(Loop& loop, std::string name, RecordType asked_type)
      : report(loop, {std::move(name), {}, Family::any, record_type_name(asked_type),
                LookupKind::records}),
        type(asked_type) {}

  const std::string& name() const noexcept { return report.subject().name; }

  LookupReport report;
  RecordType type;
  Table::iterator place;
  Waiters waiters;
  NodeList<Probe> probes;
  std::size_t first_server = 0;
  std::size_t attempts = 0;      // made
  std::uint32_t refused_by = 0;  // a bit a server: not asked again
  std::error_code failure;       // what a server has said, if none says better
  SocketAddress failed_server;
  bool saw_malformed = false;
  bool is_asked = false;
  TimePoint due;
  Question* prev = nullptr;
  Question* next = nullptr;
};

/// One question at one server. It outlives a question that another has answered.
class AresClient::Probe final : public AresProbe, public FreeListed {
 public:
  Probe(AresClient& client, Question& asked, std::size_t at, Transport over, bool edns)
      : owner(client), question(&asked), server(at), transport(over), has_edns(edns) {
    asked.probes.push(*this);
  }

  AresClient& owner;
  Question* question;
  std::size_t server;
  Transport transport;
  bool has_edns;
  Probe* prev = nullptr;
  Probe* next = nullptr;

 private:
  void ended(End end, std::span<const unsigned char> reply) noexcept override {
    owner.ended(*this, end, reply);
  }
};

AresClient::AresClient(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      cache_(options_.cache_capacity),
      timer_(loop.timers(), [this] { tick(); }),
      sweep_(loop.timers(),
             [this] {
               for (Server& server : servers_)
                 for (AresChannel* each : {server.udp.get(), server.tcp.get()})
                   if (each != nullptr) each->expire();
               tidy();
             }),
      tidy_(loop, [this] { tidy(); }) {
  options_.servers.resize(std::min(options_.servers.size(), kMaxServers));
  for (const SocketAddress& address : options_.servers) {
    Server& server = servers_.emplace_back();
    server.address = address;
  }
}

AresClient::~AresClient() {
  is_closing_ = true;
  while (!questions_.empty()) {
    Question& question = questions_.begin()->second;
    question.report.failed(
        Error::from_errno(ECANCELED, "resolve", question.name(), "the resolver has gone"));
    withdraw(question);
    questions_.erase(question.place);
  }
  servers_.clear();
}

Duration AresClient::limit() const noexcept {
  return options_.attempt_delay * (options_.attempts * servers_.size());
}

Future<DnsReply> AresClient::ask(std::string name, RecordType type) {
  std::string key = key_of(name, type);
  if (cache_.size() > 0)
    if (auto known = cache_.find(key, loop_.backend().now()))
      return Future<DnsReply>::resolved(*std::move(known));
  if (const auto found = questions_.find(key); found != questions_.end())
    return join(found->second);
  Question& question = begin(std::move(key), std::move(name), type);
  Future<DnsReply> reply = join(question);
  start(question);
  return reply;
}

AresClient::Question& AresClient::begin(std::string key, std::string name, RecordType type) {
  const auto place = questions_.try_emplace(std::move(key), loop_, std::move(name), type).first;
  place->second.place = place;
  return place->second;
}

Future<DnsReply> AresClient::join(Question& question) {
  question.waiters.emplace_back();
  const auto waiter = std::prev(question.waiters.end());
  waiter->promise.on_cancel([this, &question, waiter] { leave(question, waiter); });
  return waiter->promise.future();
}

/// One who waits has gone; the last one takes the question along.
void AresClient::leave(Question& question, Waiters::iterator waiter) {
  question.waiters.erase(waiter);
  if (!question.waiters.empty()) return;
  question.report.failed(Error::from_errno(ECANCELED, "resolve", question.name()));
  withdraw(question);
  questions_.erase(question.place);
  tidy_.schedule();
}

bool AresClient::is_full() const noexcept {
  if (asked_count_ >= options_.max_in_flight) return true;
  return std::any_of(servers_.begin(), servers_.end(), [](const Server& server) {
    return (server.udp && server.udp->is_full()) || (server.tcp && server.tcp->is_full());
  });
}

void AresClient::start(Question& question) {
  if (is_full()) return waiting_.push(question);
  question.first_server = preferred_;
  question.is_asked = true;
  ++asked_count_;
  schedule(question);
  attempt(question, false);
}

/// Puts it at the end: all have the same delay, so they are due in this order.
void AresClient::schedule(Question& question) {
  question.due = saturating_add(loop_.backend().now(), options_.attempt_delay);
  asked_.push(question);
  if (!timer_.is_armed()) timer_.arm(question.due);
}

void AresClient::tick() {
  const TimePoint now = loop_.backend().now();
  while (Question* first = asked_.first()) {
    if (first->due > now) return timer_.arm(first->due);
    asked_.remove(*first);
    schedule(*first);
    attempt(*first, true);
  }
}

/// Asks the next server. Where none is left, the question has failed, unless those that were asked
/// have some time yet: `is_due` says that they have not.
void AresClient::attempt(Question& question, bool is_due) {
  const std::size_t most = options_.attempts * servers_.size();
  while (question.attempts < most) {
    const std::size_t server = (question.first_server + question.attempts++) % servers_.size();
    if ((question.refused_by >> server & 1) != 0) continue;
    if (question.attempts > 1 && !is_due) {
      asked_.remove(question);
      schedule(question);
    }
    // It may have ended inside that call, and be gone.
    return static_cast<void>(ask(question, server, Transport::udp));
  }
  if (is_due || question.probes.empty()) time_out(question);
}

/// False if that has ended the question.
bool AresClient::ask(Question& question, std::size_t server, Transport transport) {
  Server& target = servers_[server];
  const bool has_edns = transport == Transport::udp && !target.is_plain;
  unsigned char* query = nullptr;
  int size = 0;
  // c-ares takes a name up to its first NUL, and an empty one for the root.
  const bool is_whole = !question.name().empty() && question.name().find('\0') == std::string::npos;
  const int status = is_whole ? ::ares_create_query(question.name().c_str(), kInternet,
                                                    static_cast<int>(question.type), 0, 1, &query,
                                                    &size, has_edns ? kUdpPayload : 0)
                              : ARES_EBADNAME;
  if (status != ARES_SUCCESS) {
    DecodedReply reply;
    // RFC 7686 s2: no server is asked for .onion.
    reply.code =
        static_cast<int>(status == ARES_ENOTFOUND ? DnsCode::no_such_name : DnsCode::bad_name);
    decoded(question, std::move(reply));
    return false;
  }
  AresChannel& asked = channel(target, transport);
  auto* probe = new Probe(*this, question, server, transport, has_edns);
  if (!sweep_.is_armed()) sweep_.arm(saturating_add(loop_.backend().now(), kSweep));
  asked.ask(*probe, {query, static_cast<std::size_t>(size)});
  ::ares_free_string(query);
  return true;
}

AresChannel& AresClient::channel(Server& server, Transport transport) {
  auto& owner = transport == Transport::udp ? server.udp : server.tcp;
  if (owner == nullptr)
    owner = std::make_unique<AresChannel>(loop_, server.address, transport, options_.receive_buffer,
                                          limit());
  return *owner;
}

void AresClient::ended(Probe& probe, AresProbe::End end, MessageReader::Bytes reply) {
  const std::unique_ptr<Probe> owned(&probe);
  if (probe.question == nullptr || is_closing_) return;
  Question& question = *probe.question;
  question.probes.remove(probe);
  question.saw_malformed = question.saw_malformed || probe.saw_malformed();
  const bool is_udp = probe.transport == Transport::udp;
  switch (end) {
    case AresProbe::End::reply:
      return answered(question, probe.server, probe.transport, probe.has_edns, reply);
    case AresProbe::End::broken: {
      const AresChannel& asked = channel(servers_[probe.server], probe.transport);
      const int error = asked.last_error() != 0 ? asked.last_error() : ECONNREFUSED;
      // A server that ends a connection may have done so to somebody else's question.
      return failed(question, probe.server, {error, std::system_category()}, is_udp);
    }
    case AresProbe::End::expired:
    case AresProbe::End::dropped:
      return;
  }
}

void AresClient::answered(Question& question, std::size_t server, Transport transport,
                          bool has_edns, MessageReader::Bytes reply) {
  const MessageReader reader(reply);
  if (transport == Transport::udp && reader.is_truncated())
    return static_cast<void>(ask(question, server, Transport::tcp));
  const auto code = static_cast<DnsCode>(reader.response_code());
  if (code == DnsCode::format_error && has_edns) {  // RFC 6891 s7
    servers_[server].is_plain = true;
    return static_cast<void>(ask(question, server, Transport::udp));
  }
  DecodedReply said = decode_reply(reply, question.type);
  const auto why = static_cast<DnsCode>(said.code);
  const bool is_answer = said.code == 0 || why == DnsCode::no_data ||
                         why == DnsCode::no_such_name || why == DnsCode::alias_loop;
  if (is_answer) {
    if (server != question.first_server) preferred_ = server;
    return decoded(question, std::move(said));
  }
  const bool may_change = why == DnsCode::server_failure || why == DnsCode::malformed;
  failed(question, server, why, !may_change);
}

/// The server cannot say; `is_final` means that there is no use in asking it again.
void AresClient::failed(Question& question, std::size_t server, std::error_code why,
                        bool is_final) {
  question.failure = why;
  question.failed_server = servers_[server].address;
  if (is_final) question.refused_by |= 1U << server;
  attempt(question, false);
}

void AresClient::decoded(Question& question, DecodedReply said) {
  DnsReply reply;
  std::uint32_t ttl_s = said.negative_ttl_s;
  if (said.code != 0) {
    reply.failure = std::make_shared<const Error>(
        ErrorKind::failed, static_cast<DnsCode>(said.code), "resolve", question.name());
  } else {
    reply.records = std::move(said.records);
    reply.canonical_name = std::move(said.canonical_name);
    ttl_s =
        std::min_element(reply.records.begin(), reply.records.end(),
                         [](const DnsRecord& a, const DnsRecord& b) { return a.ttl_s < b.ttl_s; })
            ->ttl_s;
  }
  if (options_.cache_capacity > 0)
    cache_.put(question.place->first, reply, ttl_s, loop_.backend().now());
  finish(question, std::move(reply));
}

void AresClient::time_out(Question& question) {
  for (Probe* probe = question.probes.first(); probe != nullptr; probe = probe->next)
    question.saw_malformed = question.saw_malformed || probe->saw_malformed();
  DnsReply reply;
  if (question.failure) {
    const bool is_errno = question.failure.category() == std::system_category();
    reply.failure = std::make_shared<const Error>(
        ErrorKind::failed, question.failure, "resolve", question.name(),
        is_errno ? "server " + question.failed_server.to_string() : "");
  } else if (question.saw_malformed) {
    reply.failure = std::make_shared<const Error>(ErrorKind::failed, DnsCode::malformed, "resolve",
                                                  question.name());
  } else {
    reply.failure =
        std::make_shared<const Error>(ErrorKind::timeout, std::error_code(), "resolve",
                                      question.name(), "timed out after " + duration_text(limit()));
  }
  finish(question, std::move(reply));
}

void AresClient::finish(Question& question, DnsReply reply) {
  withdraw(question);
  const auto node = questions_.extract(question.place);  // keeps it to the end
  if (reply.failure)
    question.report.failed(*reply.failure);
  else if (loop_.event_sink() != nullptr)
    question.report.done(values_of(reply));
  auto waiter = question.waiters.begin();
  for (; std::next(waiter) != question.waiters.end(); ++waiter) waiter->promise.done(reply);
  waiter->promise.done(std::move(reply));
  tidy_.schedule();
}

/// Takes it out of every list; its probes go on without it.
void AresClient::withdraw(Question& question) noexcept {
  if (std::exchange(question.is_asked, false)) {
    asked_.remove(question);
    --asked_count_;
  } else {
    waiting_.remove(question);
  }
  while (Probe* probe = question.probes.first()) {
    question.probes.remove(*probe);
    probe->question = nullptr;
  }
}

/// What is better done outside c-ares: to ask those who wait in line, and to let go of what nobody
/// waits for.
void AresClient::tidy() {
  while (!waiting_.empty() && !is_full()) {
    Question& question = *waiting_.first();
    waiting_.remove(question);
    start(question);
  }
  std::size_t pending = 0;
  for (Server& server : servers_)
    for (AresChannel* each : {server.udp.get(), server.tcp.get()}) {
      if (each == nullptr) continue;
      if (questions_.empty()) each->clear();
      pending += each->pending();
    }
  if (pending == 0)
    sweep_.disarm();
  else if (!sweep_.is_armed())
    sweep_.arm(saturating_add(loop_.backend().now(), kSweep));
  if (asked_.empty()) timer_.disarm();
}

}  // namespace ioa::detail
