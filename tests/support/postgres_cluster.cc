#include "tests/support/postgres_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace attune::testing {
namespace {

constexpr const char* kUser = "postgres";
constexpr const char* kDebianPrograms = "/usr/lib/postgresql/15/bin";

// A port that was free a moment ago.
Result<int> free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) return io_error("no free port on the loopback address");
  return ntohs(address.sin_port);
}

// Starts a program that writes to `out`; it gets SIGQUIT when this process ends.
pid_t spawn(std::vector<std::string> words, int out) {
  if (::geteuid() == 0) {
    const std::vector<std::string> as_user = {
        "setpriv", "--reuid", kUser, "--regid", kUser, "--init-groups", "--pdeathsig", "QUIT"};
    words.insert(words.begin(), as_user.begin(), as_user.end());
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Status run(const std::vector<std::string>& words, const std::string& log) {
  const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  int status = 0;
  ::waitpid(spawn(words, out), &status, 0);
  ::close(out);
  if (status == 0) return {};
  const auto said = read_file(log);
  return io_error("{} failed: {}", words[0], said.ok() ? *said : "no output");
}

// Reads what the server says until it says that it is ready.
Status wait_until_ready(int in) {
  std::string said;
  std::array<char, 4096> piece{};
  while (said.find("ready to accept connections") == std::string::npos) {
    const ssize_t size = ::read(in, piece.data(), piece.size());
    if (size <= 0) return io_error("the server did not start: {}", said);
    said.append(piece.data(), static_cast<size_t>(size));
  }
  return {};
}

}  // namespace

std::optional<std::string> PostgresCluster::programs() {
  const char* path = std::getenv("PATH");
  std::string folders = std::string(path != nullptr ? path : "") + ":" + kDebianPrograms;
  for (size_t from = 0; from <= folders.size();) {
    const size_t end = std::min(folders.find(':', from), folders.size());
    const std::string folder = folders.substr(from, end - from);
    if (!folder.empty() && exists(join_path(folder, "initdb")) &&
        exists(join_path(folder, "postgres"))) {
      return folder;
    }
    from = end + 1;
  }
  return std::nullopt;
}

Result<std::unique_ptr<PostgresCluster>> PostgresCluster::start() {
  const auto programs = PostgresCluster::programs();
  if (!programs) return not_found("PostgreSQL is not installed");
  std::unique_ptr<PostgresCluster> cluster(new PostgresCluster());
  cluster->directory_ = TRY(TemporaryDirectory::create());
  cluster->programs_ = *programs;
  cluster->port_ = TRY(free_port());
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam(kUser);
    if (user == nullptr) return not_found("there is no user '{}'", kUser);
    if (::chown(cluster->directory_->path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      return io_error("{}: cannot be given to '{}'", cluster->directory_->path(), kUser);
    }
  }
  TRY(run({join_path(*programs, "initdb"), "--pgdata=" + cluster->data(), "--username=postgres",
           "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"},
          cluster->directory_->file("initdb.log")));
  TRY(cluster->launch());
  return cluster;
}

PostgresCluster::~PostgresCluster() {
  kill();
  if (output_ >= 0) ::close(output_);
}

void PostgresCluster::kill() {
  if (server_ <= 0) return;
  ::kill(server_, SIGQUIT);
  ::waitpid(server_, nullptr, 0);
  server_ = -1;
}

Status PostgresCluster::restart() {
  kill();
  return launch();
}

// fsync is off: what is tested here is not the disk. The server says little, so that its pipe never
// fills up.
Status PostgresCluster::launch() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return io_error("no pipe");
  server_ = spawn({join_path(programs_, "postgres"), "-D", data(), "-p", std::to_string(port_),
                   "-h", "127.0.0.1", "-k", directory_->path(), "-c", "fsync=off", "-c",
                   "full_page_writes=off", "-c", "max_connections=200", "-c",
                   "log_min_messages=log", "-c", "log_checkpoints=off"},
                  ends[1]);
  ::close(ends[1]);
  if (output_ >= 0) ::close(output_);
  output_ = ends[0];
  return wait_until_ready(output_);
}

std::string PostgresCluster::url(const std::string& name) const {
  return fmt::format("postgresql://postgres@127.0.0.1:{}/{}", port_, name);
}

}  // namespace attune::testing
