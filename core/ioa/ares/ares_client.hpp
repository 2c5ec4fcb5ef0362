#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ioa/ares/ares_channel.hpp"
#include "ioa/ares/dns_record.hpp"
#include "ioa/ares/message_reader.hpp"
#include "ioa/ares/reply_cache.hpp"
#include "ioa/ares/tcp_channel.hpp"
#include "ioa/ares/udp_channel.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/free_list_allocator.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/lookup_report.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::detail {

struct DecodedReply;

/// Asks name servers: which of them, when again, and when no more. What goes over the wire is the
/// affair of the channels: a UdpChannel each server, and a TcpChannel for what does not fit.
///
/// A question is asked of one server after the other, and of all of them again: `attempts` times
/// each, `attempt_delay` after the one before, or at once where a server says that it cannot
/// answer. Earlier ones stay open meanwhile: the first answer counts, however late it is, until
/// `attempt_delay` after the last. The same question at the same time is asked once for all.
class AresClient {
 public:
  struct Options {
    std::vector<SocketAddress> servers;  ///< At least one.
    unsigned attempts = 3;               ///< At least 1.
    Duration attempt_delay = std::chrono::seconds(2);
    std::size_t max_in_flight = 4096;  ///< Questions at once; more of them wait in line.
    int receive_buffer = 4 << 20;      ///< Bytes.
    std::size_t cache_capacity = 0;    ///< Replies.
  };

  AresClient(Loop& loop, Options options);
  AresClient(const AresClient&) = delete;
  AresClient& operator=(const AresClient&) = delete;
  ~AresClient();

  Future<DnsReply> ask(std::string name, RecordType type);

  std::size_t in_flight() const noexcept { return questions_.size(); }
  std::size_t cached() const noexcept { return cache_.size(); }
  void clear_cache() noexcept { cache_.clear(); }
  /// The longest that a question may take.
  Duration limit() const noexcept;

 private:
  enum class Transport { udp, tcp };
  class Probe;
  struct Question;
  struct Waiter;

  /// What makes two questions the same: the name, the case of its letters aside, and the type.
  struct Key {
    Key(std::string_view asked_name, RecordType asked_type) noexcept;
    std::string_view name;
    RecordType type;
    std::size_t hash;
  };
  // Not noexcept, so that the table keeps the sums and need not go to other questions for them.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const { return key.hash; }
    std::size_t operator()(const std::unique_ptr<Question>& question) const;
  };
  struct SameKey {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return is_same(key_of(a), key_of(b));
    }
  };
  // What comes and goes with every question lies in the free lists.
  using Questions = std::unordered_set<std::unique_ptr<Question>, KeyHash, SameKey,
                                       FreeListAllocator<std::unique_ptr<Question>>>;
  using Waiters = std::list<Waiter, FreeListAllocator<Waiter>>;

  struct Server {
    SocketAddress address;
    std::unique_ptr<UdpChannel> udp;
    std::unique_ptr<TcpChannel> tcp;
    bool is_plain = false;  // it does not understand EDNS
  };

  static const Key& key_of(const Key& key) noexcept { return key; }
  static const Key& key_of(const std::unique_ptr<Question>& question) noexcept;
  static bool is_same(const Key& a, const Key& b) noexcept;

  Future<DnsReply> join(Question& question);
  void leave(Question& question, Waiters::iterator waiter);
  void start(Question& question);
  void attempt(Question& question, bool is_due);
  static int make_query(const Question& question, bool has_edns, AresQuery& query);
  void ask(Question& question, std::size_t server, Transport transport);
  AresChannel& channel(std::size_t server, Transport transport);
  void ended(Probe& probe, AresProbe::End end, MessageReader::Bytes reply);
  void answered(Question& question, const Probe& probe, MessageReader::Bytes reply);
  void failed(Question& question, std::size_t server, std::error_code why, bool is_final);
  void decoded(Question& question, DecodedReply reply);
  void time_out(Question& question);
  void finish(Question& question, DnsReply reply);
  void withdraw(Question& question) noexcept;
  void schedule(Question& question);
  void tick();
  void tidy();
  bool is_full() const noexcept;

  Loop& loop_;
  Options options_;
  std::vector<Server> servers_;
  std::size_t preferred_ = 0;  // who has answered last where another did not
  Questions questions_;
  NodeList<Question> asked_;    // in the order in which they are due
  NodeList<Question> waiting_;  // that have not been asked yet
  std::size_t asked_count_ = 0;
  ReplyCache cache_;
  TimeWatch timer_;  // of the first that is due
  TimeWatch sweep_;  // for what was asked over connections, and is answered by another
  DeferredCall tidy_;
  bool is_closing_ = false;
};

}  // namespace ioa::detail
