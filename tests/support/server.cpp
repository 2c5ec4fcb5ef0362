#include "tests/support/server.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
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

Server::Server(std::vector<std::string> command)
    : Server(std::make_unique<TempDir>(), std::move(command)) {}

Server::Server(std::unique_ptr<TempDir> dir, std::vector<std::string> command)
    : dir_(std::move(dir)) {
  for (std::string& word : command) fill_in(word);
  for (const auto& entry : std::filesystem::directory_iterator(dir_->path())) {
    const std::string name = entry.path().filename().string();
    std::string text = dir_->read(name);
    fill_in(text);
    dir_->write(name, text);
  }
  program_ = std::make_unique<Process>(std::move(command));
  for (int i = 0; !is_listening(port_text_); ++i) {
    if (!program_->is_running())
      throw std::runtime_error("the server ended: " + program_->wait().err);
    if (i == 5000) throw std::runtime_error("the server does not listen");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Server::fill_in(std::string& text) const {
  replace_all(text, "$PORT", port_text_);
  replace_all(text, "$DIR", dir_->path().string());
}

void Server::stop() {
  program_->signal(SIGTERM);
  program_->wait();
}

Nginx::Nginx(const std::string& page)
    : Server(prepare(page), {"nginx", "-p", "$DIR", "-c", "$DIR/nginx.conf"}) {}

std::unique_ptr<TempDir> Nginx::prepare(const std::string& page) {
  auto dir = std::make_unique<TempDir>();
  dir->write("index.html", page);
  dir->write("nginx.conf", kNginxConfiguration);
  return dir;
}

}  // namespace ioa::test
