#pragma once

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioa/base/event_slot.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/candidate_list.hpp"
#include "ioa/net/connect_attempt.hpp"
#include "ioa/net/connect_error.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/lookup_service.hpp"

namespace ioa::detail {

/// One call of Connector::connect, from look-up to the first connection; not part of the interface.
///
/// It owns itself: it is destroyed when it has settled its Future, or by the dropping of that.
/// Callbacks (the request's, the EventSink's) may do that at any time, so whoever calls report_…
/// asks what is left afterwards.
class ConnectOperation {
 public:
  static Future<Connection> start(Loop& loop, LookupService& resolver, SocketCalls& calls,
                                  ConnectRequest request);
  ConnectOperation(const ConnectOperation&) = delete;
  ConnectOperation& operator=(const ConnectOperation&) = delete;

 private:
  /// A look-up of one family (or of both).
  struct Lookup {
    ConnectOperation* operation = nullptr;
    Family family = Family::any;
    Future<LookupResult> answer;
    std::optional<Error> error;
    bool is_pending() const noexcept { return answer.valid(); }
  };

  /// Notices, for one function on the stack, that the operation is gone.
  class Witness {
   public:
    explicit Witness(ConnectOperation& operation) noexcept
        : operation_(operation), outer_(operation.witness_) {
      operation.witness_ = this;
    }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() {
      if (!is_gone_) operation_.witness_ = outer_;
    }
    bool is_gone() const noexcept { return is_gone_; }

   private:
    friend class ConnectOperation;
    ConnectOperation& operation_;
    Witness* outer_;
    bool is_gone_ = false;
  };

  ConnectOperation(Loop& loop, LookupService& resolver, SocketCalls& calls, ConnectRequest request);
  ~ConnectOperation();

  void begin();
  bool has_port() const;
  void look_up_all();
  void look_up(Lookup& lookup, Family family);
  void take_answer(Lookup& lookup);
  bool is_looking_up(Family family) const noexcept;

  // The scheduler: proceed() starts what may be started now, and ends the operation if nothing is
  // left.
  void proceed();
  bool may_start() const noexcept;
  bool start_next();
  bool settle(ConnectAttempt& attempt);
  std::vector<AttemptFailure> called_off(const ConnectAttempt* winner, int error,
                                         const char* why) const;
  bool report_start(const ConnectAttempt& attempt);
  bool report_failure(const AttemptFailure& failure);

  // Each of these destroys the operation.
  void succeed(ConnectAttempt& attempt);
  void give_up();
  void time_out();
  void finish(std::exception_ptr error);

  ConnectFailure failure() const;

  Loop& loop_;
  LookupService& resolver_;
  SocketCalls& calls_;
  ConnectRequest request_;
  const TimePoint began_;
  Event<void(const AttemptFailure&)> on_attempt_failed_;
  Promise<Connection> promise_;
  TimeWatch deadline_;
  TimeWatch pace_;  // armed: the next attempt waits (RFC 8305 s5)
  TimeWatch hold_;  // armed: IPv4 waits for the answer for IPv6 (RFC 8305 s3)
  std::array<Lookup, 2> lookups_;
  CandidateList candidates_;
  std::vector<std::unique_ptr<ConnectAttempt>> running_;
  std::vector<AttemptFailure> failures_;
  bool has_started_ = false;
  Witness* witness_ = nullptr;
};

}  // namespace ioa::detail
