// SPDX-License-Identifier: MIT
//
// The floor: a server that reads whatever comes and writes one ready-made answer for it, in one thread on one epoll. It
// parses nothing and is no HTTP server; no server with an epoll can need less processor time per request.
//
//   raw_epoll [PORT [pipelined]]      prints "listening on PORT"; 0, the default, lets the kernel choose
//
// One read is taken for one request: true for a client that waits for each answer and sends less than the buffer. When
// pipelined, empty lines are counted, and that many answers leave in one write; a client must not end a packet within one.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

// As long as what hello answers to GET /ping, head included, so that both move as many bytes.
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json; charset=utf-8\r\n"
    "Content-Length: 18\r\n"
    "Date: Tue, 24 Nov 2026 00:00:00 GMT\r\n"
    "Traceparent: 00-00000000000000000000000000000000-0000000000000000-00\r\n"
    "\r\n"
    R"({"message":"pong"})";

int listen_on(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, length) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    std::perror("raw_epoll");
    std::exit(1);
  }
  ::getsockname(fd, generic, &length);
  std::printf("listening on %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void accept_one(int epoll, int listener) {
  int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  watch(epoll, fd);
}

constexpr std::size_t kAnswersMax = 128;

std::size_t count_requests(std::string_view text) {
  constexpr std::string_view kEmptyLine = "\r\n\r\n";
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(kEmptyLine, at)) != text.npos; at += kEmptyLine.size()) ++count;
  return std::min(count, kAnswersMax);
}

void answer(int fd, bool is_pipelined, const std::string& answers) {
  std::array<char, 4096> request;
  ssize_t count = ::recv(fd, request.data(), request.size(), 0);
  if (count <= 0) {
    ::close(fd);
    return;
  }
  std::size_t requests = is_pipelined ? count_requests({request.data(), static_cast<std::size_t>(count)}) : 1;
  if (::send(fd, answers.data(), requests * kAnswer.size(), MSG_NOSIGNAL) < 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  int listener = listen_on(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  bool is_pipelined = argc > 2 && std::string_view(argv[2]) == "pipelined";
  std::string answers;
  for (std::size_t i = 0; i < kAnswersMax; ++i) answers += kAnswer;
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::array<epoll_event, 128> events;
  for (;;) {
    int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        accept_one(epoll, listener);
      } else {
        answer(fd, is_pipelined, answers);
      }
    }
  }
}
