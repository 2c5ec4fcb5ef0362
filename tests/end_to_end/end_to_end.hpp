#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/scripted_peer.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {

/// `connect OPTIONS... HOST PORT`, the peer being the last.
std::vector<std::string> connect_to(const ScriptedPeer& peer,
                                    std::vector<std::string> options = {});
std::vector<std::string> connect_to(const ClosedPort& port, std::vector<std::string> options = {});

/// Descriptors to hand to a program.
UniqueFd open_to_read(const std::string& path);
UniqueFd open_to_write(const std::string& path, int more_flags = 0);
UniqueFd copy_of(const UniqueFd& fd);

/// As run_ioa(), with other standard descriptors; `input` only where standard input is left alone.
RunResult run_ioa_with(Process::Stdio stdio, std::vector<std::string> arguments,
                       std::string_view input = {});

/// The run succeeded, and said nothing but `out`.
void expect_success(const RunResult& result, std::string_view out);
/// The run ended so, with exactly one line on standard error, which holds `text`.
void expect_failure(const RunResult& result, int status, std::string_view text);

/// A new pseudo-terminal in raw mode.
struct Terminal {
  Terminal();
  UniqueFd master;
  UniqueFd slave;
};

/// Both ends blocking.
SocketPair blocking_sockets();
SocketPair blocking_pipe();
/// As blocking_pipe, and there is no room in it.
SocketPair full_pipe();

/// Waits for what another process does, in small steps; fails the test if it takes too long.
void wait_until(const std::function<bool()>& done, std::string_view what);

/// Reads until the end of file, blocking.
std::string read_to_end(int fd);

/// A shell script in a network of its own, which is gone with it: loopback is up, names are what
/// `hosts` says and nothing else, and veth0 has 192.0.2.1/24 and 2001:db8::1/64, where packets to
/// 192.0.2.66 and 2001:db8::66 vanish. `$IOA` is the program under test.
RunResult run_in_private_network(const std::string& hosts, const std::string& script);
/// For such a script: a server that says `text` to everybody, and listens when the line is through.
std::string serve_in_script(const std::string& address, const std::string& port,
                            const std::string& text);

}  // namespace ioa::test
