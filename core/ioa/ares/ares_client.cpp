#include "ioa/ares/ares_client.hpp"

#include <ares.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
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
constexpr Duration kSweep = 1s;    // how often questions that nobody waits for are looked at
constexpr std::size_t kMaxServers = 32;  // bits of a mask

// RFC 4343: the case of ASCII, whatever the locale.
char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// A question as the cache knows it.
std::string cache_key(std::string_view name, RecordType type) {
  std::string key;
  key.reserve(name.size() + 1 + record_type_name(type).size());
  std::transform(name.begin(), name.end(), std::back_inserter(key), &lower);
  return (key += ' ') += record_type_name(type);
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

struct AresClient::Question : FreeListed {
  Question(Loop& loop, std::string asked_name, const Key& asked)
      : report(loop, {std::move(asked_name), {}, Family::any, record_type_name(asked.type)}),
        key(asked) {
    key.name = name();
  }

  const std::string& name() const noexcept { return report.subject().name; }

  LookupReport report;
  Key key;
  Waiters waiters;
  NodeList<Probe> probes;
  std::size_t first_server = 0;
  std::size_t attempts = 0;      // made
  std::uint32_t refused_by = 0;  // a bit a server: not asked again
  std::error_code failure;       // what a server has said, if none says better
  std::size_t failed_server = 0;
  bool saw_malformed = false;
  bool is_asked = false;
  TimePoint due;
  Question* prev = nullptr;
  Question* next = nullptr;
};

// FNV-1a, over what letters of both cases have in common.
AresClient::Key::Key(std::string_view asked_name, RecordType asked_type) noexcept
    : name(asked_name), type(asked_type) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  constexpr unsigned char kCase = 'a' - 'A';
  std::uint64_t sum = 0xcbf29ce484222325 + static_cast<std::uint64_t>(type);
  for (const char letter : name)
    sum = (sum ^ (static_cast<unsigned char>(letter) | kCase)) * kPrime;
  hash = static_cast<std::size_t>(sum);
}

std::size_t AresClient::KeyHash::operator()(const std::unique_ptr<Question>& question) const {
  return question->key.hash;
}

const AresClient::Key& AresClient::key_of(const std::unique_ptr<Question>& question) noexcept {
  return question->key;
}

bool AresClient::is_same(const Key& a, const Key& b) noexcept {
  if (&a == &b) return true;  // a question that looks for itself
  return a.hash == b.hash && a.type == b.type &&
         std::equal(a.name.begin(), a.name.end(), b.name.begin(), b.name.end(),
                    [](char one, char other) { return lower(one) == lower(other); });
}

/// One question at one server. Over a connection it outlives a question that another has answered.
class AresClient::Probe final : public AresProbe, public FreeListed {
 public:
  Probe(AresClient& client, Question& asked, std::size_t server_index, AresChannel& by, bool edns)
      : owner(client), question(&asked), server(server_index), channel(by), has_edns(edns) {
    asked.probes.push(*this);
  }

  bool is_udp() const noexcept { return &channel == owner.servers_[server].udp.get(); }

  AresClient& owner;
  Question* question;
  std::size_t server;
  AresChannel& channel;
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
                 if (server.tcp) server.tcp->expire();
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
    Question& question = **questions_.begin();
    question.report.failed(
        Error::from_errno(ECANCELED, "resolve", question.name(), "the resolver has gone"));
    withdraw(question);
    questions_.erase(questions_.begin());
  }
  servers_.clear();
}

Duration AresClient::limit() const noexcept {
  return options_.attempt_delay * (options_.attempts * servers_.size());
}

Future<DnsReply> AresClient::ask(std::string name, RecordType type) {
  if (cache_.size() > 0)
    if (auto known = cache_.find(cache_key(name, type), loop_.backend().now()))
      return Future<DnsReply>::resolved(*std::move(known));
  const Key key(name, type);
  if (const auto found = questions_.find(key); found != questions_.end()) return join(**found);
  auto made = std::make_unique<Question>(loop_, std::move(name), key);
  Question& question = *made;
  questions_.insert(std::move(made));
  Future<DnsReply> reply = join(question);
  start(question);
  return reply;
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
  questions_.erase(questions_.find(question.key));
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
    return ask(question, server, Transport::udp);
  }
  if (is_due || question.probes.empty()) time_out(question);
}

/// The message that asks; empty, and an ARES_ code, if none can be made of the name.
int AresClient::make_query(const Question& question, bool has_edns, AresQuery& query) {
  // c-ares takes a name up to its first NUL, and an empty one for the root.
  const std::string& name = question.name();
  if (name.empty() || name.find('\0') != std::string::npos) return ARES_EBADNAME;
  unsigned char* bytes = nullptr;
  int size = 0;
  const int status =
      ::ares_create_query(name.c_str(), kInternet, static_cast<int>(question.key.type), 0, 1,
                          &bytes, &size, has_edns ? kUdpPayload : 0);
  query.bytes.reset(bytes);
  query.size = static_cast<std::size_t>(size);
  return status;
}

/// It may have ended the question, which is gone then.
void AresClient::ask(Question& question, std::size_t server, Transport transport) {
  const bool has_edns = transport == Transport::udp && !servers_[server].is_plain;
  AresQuery query;
  if (const int status = make_query(question, has_edns, query); status != ARES_SUCCESS) {
    DecodedReply reply;
    // RFC 7686 s2: no server is asked for .onion.
    reply.code =
        static_cast<int>(status == ARES_ENOTFOUND ? DnsCode::no_such_name : DnsCode::bad_name);
    return decoded(question, std::move(reply));
  }
  AresChannel& asked = channel(server, transport);
  auto* probe = new Probe(*this, question, server, asked, has_edns);
  asked.ask(*probe, std::move(query));
}

AresChannel& AresClient::channel(std::size_t index, Transport transport) {
  Server& server = servers_[index];
  if (transport == Transport::udp) {
    if (!server.udp)
      server.udp = std::make_unique<UdpChannel>(loop_, server.address, options_.receive_buffer);
    return *server.udp;
  }
  if (!server.tcp) server.tcp = std::make_unique<TcpChannel>(loop_, server.address, limit());
  if (!sweep_.is_armed()) sweep_.arm(saturating_add(loop_.backend().now(), kSweep));
  return *server.tcp;
}

void AresClient::ended(Probe& probe, AresProbe::End end, MessageReader::Bytes reply) {
  const std::unique_ptr<Probe> owned(&probe);
  if (probe.question == nullptr || is_closing_) return;
  Question& question = *probe.question;
  question.probes.remove(probe);
  question.saw_malformed = question.saw_malformed || probe.saw_malformed();
  switch (end) {
    case AresProbe::End::reply:
      return answered(question, probe, reply);
    case AresProbe::End::broken: {
      const int known = probe.channel.last_error();
      // A server that ends a connection may have done so to somebody else's question.
      return failed(question, probe.server,
                    {known != 0 ? known : ECONNREFUSED, std::system_category()}, probe.is_udp());
    }
    case AresProbe::End::dropped:
      return;
  }
}

void AresClient::answered(Question& question, const Probe& probe, MessageReader::Bytes reply) {
  const std::size_t server = probe.server;
  const MessageReader reader(reply);
  if (probe.is_udp() && reader.is_truncated()) return ask(question, server, Transport::tcp);
  const auto code = static_cast<DnsCode>(reader.response_code());
  if (code == DnsCode::format_error && probe.has_edns) {  // RFC 6891 s7
    servers_[server].is_plain = true;
    return ask(question, server, Transport::udp);
  }
  DecodedReply said = decode_reply(reply, question.key.type);
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
  question.failed_server = server;
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
    cache_.put(cache_key(question.name(), question.key.type), reply, ttl_s, loop_.backend().now());
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
        is_errno ? "server " + servers_[question.failed_server].address.to_string() : "");
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
  const auto node = questions_.extract(questions_.find(question.key));  // keeps it to the end
  if (reply.failure)
    question.report.failed(*reply.failure);
  else if (question.report.is_told())
    question.report.done(values_of(reply));
  auto waiter = question.waiters.begin();
  for (; std::next(waiter) != question.waiters.end(); ++waiter) waiter->promise.done(reply);
  waiter->promise.done(std::move(reply));
  tidy_.schedule();
}

/// Takes it out of every list, and lets go of its probes.
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
    probe->channel.drop(*probe);
  }
}

/// What is better done outside the channels: to ask those who wait in line, and to let go of what
/// nobody waits for.
void AresClient::tidy() {
  while (!waiting_.empty() && !is_full()) {
    Question& question = *waiting_.first();
    waiting_.remove(question);
    start(question);
  }
  std::size_t pending = 0;
  for (Server& server : servers_) {
    if (!server.tcp) continue;
    if (questions_.empty()) server.tcp->clear();
    pending += server.tcp->pending();
  }
  if (pending == 0)
    sweep_.disarm();
  else if (!sweep_.is_armed())
    sweep_.arm(saturating_add(loop_.backend().now(), kSweep));
  if (asked_.empty()) timer_.disarm();
}

}  // namespace ioa::detail
