#include "tests/support/server.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace ioa::test {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Everything in the foreground, in one process, and in its own directory.
constexpr const char* kNginxConfiguration = R"(
daemon off;
master_process off;
error_log stderr;
pid $DIR/nginx.pid;
events { }
http {
  access_log off;
  types { text/html html; }
  client_body_temp_path $DIR/body;
  proxy_temp_path $DIR/proxy;
  fastcgi_temp_path $DIR/fastcgi;
  uwsgi_temp_path $DIR/uwsgi;
  scgi_temp_path $DIR/scgi;
  server { listen 127.0.0.1:$PORT; root $DIR; index index.html; }
}
)";

}  // namespace

bool is_listening(const std::string& port) {
  char local[16];
  std::snprintf(local, sizeof local, ":%04X", static_cast<unsigned>(std::stoi(port)));
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream file(table);
    for (std::string line; std::getline(file, line);) {
      // sl local_address rem_address st ...; 0A is TCP_LISTEN.
      const std::size_t at = line.find(local);
      if (at != std::string::npos && at < 46 && line.find(" 0A ") != std::string::npos) return true;
    }
  }
  return false;
}

Server::Server(std::vector<std::string> command, RunOptions options)
    : Server(std::make_unique<TempDir>(), std::move(command), std::move(options)) {}

Server::Server(std::unique_ptr<TempDir> dir, std::vector<std::string> command, RunOptions options)
    : dir_(std::move(dir)) {
  start(std::move(command), std::move(options));
}

void Server::start(std::vector<std::string> command, RunOptions options) {
  for (std::string& word : command) {
    replace_all(word, "$PORT", port_text_);
    replace_all(word, "$DIR", dir_->path().string());
  }
  if (std::ifstream(*dir_ / "nginx.conf")) {
    std::string text = dir_->read("nginx.conf");
    replace_all(text, "$PORT", port_text_);
    replace_all(text, "$DIR", dir_->path().string());
    dir_->write("nginx.conf", text);
  }
  program_ = std::make_unique<Running>(std::move(command), std::move(options));
  for (int i = 0; !is_listening(port_text_); ++i) {
    if (program_->has_ended())
      throw std::runtime_error("the server ended: " + program_->wait().err);
    if (i == 5000) throw std::runtime_error("the server does not listen");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Server::stop() {
  program_->signal(SIGTERM);
  program_->wait();
}

Nginx::Nginx(const std::string& page)
    : Server(prepare(page), {"nginx", "-p", "$DIR", "-c", "$DIR/nginx.conf"}, {}) {}

std::unique_ptr<TempDir> Nginx::prepare(const std::string& page) {
  auto dir = std::make_unique<TempDir>();
  dir->write("index.html", page);
  dir->write("nginx.conf", kNginxConfiguration);
  return dir;
}

}  // namespace ioa::test
