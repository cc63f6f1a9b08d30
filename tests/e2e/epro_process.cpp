// SPDX-License-Identifier: MIT
#include "epro_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice::e2e {
namespace {

// How long a start may take under a sanitizer on a busy machine before the test gives up. Not a measure of anything.
constexpr int kStartMilliseconds = 60'000;
constexpr int kAnswerMilliseconds = 60'000;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() {
    if (read_end >= 0) ::close(read_end);
    if (write_end >= 0) ::close(write_end);
  }
};

std::vector<char*> argv_of(std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return argv;
}

pid_t spawn(std::vector<std::string> arguments, int stdout_fd) {
  arguments.insert(arguments.begin(), SLUICE_EPRO_BINARY);
  std::vector<char*> argv = argv_of(arguments);
  pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(stdout_fd, STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    std::_Exit(127);
  }
  return pid;
}

// The next line from fd, nothing at its end or when the time is up.
std::optional<std::string> read_line(int fd, int timeout_ms) {
  std::string line;
  for (;;) {
    pollfd poll{fd, POLLIN, 0};
    if (::poll(&poll, 1, timeout_ms) <= 0) return std::nullopt;
    char c;
    if (::read(fd, &c, 1) != 1) return std::nullopt;
    if (c == '\n') return line;
    line.push_back(c);
  }
}

int connect_to(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

EproProcess::EproProcess(std::filesystem::path folder, std::string more) : folder_(std::move(folder)) {
  auto config = folder_ / "epro.yaml";
  std::ofstream(config) << "Name: epro\nHost: 127.0.0.1\nPort: 0\nAuth: \"off\"\nDevServer: { Host: 127.0.0.1, Port: 0 }\n"
                        << "Data: " << (folder_ / "data").string() << "\nStudies: [" << SLUICE_DEMO_STUDY << "]\n"
                        << more;
  start(config);
}

EproProcess::~EproProcess() { kill(); }

void EproProcess::start(const std::filesystem::path& config) {
  Pipe out;
  pid_ = spawn({"serve", "-f", config.string()}, out.write_end);
  ::close(std::exchange(out.write_end, -1));
  // `epro serve` prints one line for programs when it answers: "ready port=… admin=…".
  while (auto line = read_line(out.read_end, kStartMilliseconds)) {
    unsigned port = 0, admin = 0;
    if (std::sscanf(line->c_str(), "ready port=%u admin=%u", &port, &admin) != 2) continue;
    port_ = static_cast<std::uint16_t>(port);
    admin_port_ = static_cast<std::uint16_t>(admin);
    reader_ = std::thread([this, fd = std::exchange(out.read_end, -1)] {
      char buffer[65536];
      for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) log_.append(buffer, static_cast<std::size_t>(n));
      ::close(fd);
    });
    return;
  }
  ADD_FAILURE() << "epro did not start";
  kill();
}

std::size_t EproProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t total_pages = 0, resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void EproProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait_for_end();
}

int EproProcess::terminate() {
  ::kill(pid_, SIGTERM);
  return wait_for_end();
}

int EproProcess::wait_for_end() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  if (reader_.joinable()) reader_.join();  // its pipe has ended with the process
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Finished run_epro(std::vector<std::string> arguments) {
  Pipe out;
  pid_t pid = spawn(std::move(arguments), out.write_end);
  ::close(std::exchange(out.write_end, -1));
  Finished finished{};
  char buffer[4096];
  for (ssize_t n; (n = ::read(out.read_end, buffer, sizeof buffer)) > 0;)
    finished.output.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

std::string exchange(std::uint16_t port, std::string_view bytes, bool half_close) {
  int fd = connect_to(port);
  if (fd < 0) return {};
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // it closed early: its answer may be there all the same
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (half_close) ::shutdown(fd, SHUT_WR);
  std::string answer;
  char buffer[4096];
  pollfd poll{fd, POLLIN, 0};
  while (::poll(&poll, 1, kAnswerMilliseconds) > 0) {
    ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

int status_of(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
  return std::atoi(std::string(answer.substr(9, 3)).c_str());
}

std::string ask(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body,
                std::string_view content_type) {
  std::string request;
  request.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: epro\r\nConnection: close\r\n");
  if (!body.empty() || method == "POST" || method == "PUT")
    request.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ").append(
        std::to_string(body.size())).append("\r\n");
  request.append("\r\n").append(body);
  return exchange(port, request, false);
}

std::string_view body_of(std::string_view answer) {
  auto end = answer.find("\r\n\r\n");
  return end == answer.npos ? std::string_view() : answer.substr(end + 4);
}

}  // namespace sluice::e2e
