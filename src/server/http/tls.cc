// TLS 1.2 and 1.3 by OpenSSL, behind Transport.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>

#include "server/http/socket.h"

namespace attune::http {
namespace {

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

class TlsTransport : public Transport {
 public:
  TlsTransport(SSL_CTX* context, int fd) : fd_(fd), ssl_(SSL_new(context), SSL_free) {
    if (ssl_ == nullptr) return;  // read() then says kBroken
    SSL_set_fd(ssl_.get(), fd);
    SSL_set_accept_state(ssl_.get());
  }

  Transfer read(char* bytes, size_t size) override {
    if (ssl_ == nullptr) return {};
    ERR_clear_error();
    return outcome(SSL_read(ssl_.get(), bytes, limited(size)));
  }
  Transfer write(std::string_view bytes) override {
    if (ssl_ == nullptr) return {};
    ERR_clear_error();
    return outcome(SSL_write(ssl_.get(), bytes.data(), limited(bytes.size())));
  }
  bool pending() const override { return ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1; }
  void finish() override {
    ERR_clear_error();
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    shutdown(fd_, SHUT_WR);
  }

 private:
  static int limited(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

  Transfer outcome(int moved) {
    if (moved > 0) return {Transfer::Outcome::kMoved, static_cast<size_t>(moved)};
    switch (SSL_get_error(ssl_.get(), moved)) {
      case SSL_ERROR_WANT_READ:
        return {Transfer::Outcome::kWaitRead, 0};
      case SSL_ERROR_WANT_WRITE:
        return {Transfer::Outcome::kWaitWrite, 0};
      case SSL_ERROR_ZERO_RETURN:
        return {Transfer::Outcome::kEnded, 0};
      default:
        return {Transfer::Outcome::kBroken, 0};
    }
  }

  int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

class OpenSslContext : public TlsContext {
 public:
  explicit OpenSslContext(SslContext context) : context_(std::move(context)) {}
  std::unique_ptr<Transport> transport(int fd) const override {
    return std::make_unique<TlsTransport>(context_.get(), fd);
  }

 private:
  SslContext context_;
};

std::string last_error() {
  char text[256] = "unknown";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return text;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate_path,
                                                     const std::string& key_path) {
  SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return io_error("OpenSSL: {}", last_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_path.c_str()) != 1) {
    return invalid_input("{}: is no certificate in PEM form: {}", certificate_path, last_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return invalid_input("{}: is no key in PEM form that fits {}: {}", key_path, certificate_path,
                         last_error());
  }
  std::unique_ptr<TlsContext> loaded = std::make_unique<OpenSslContext>(std::move(context));
  return loaded;
}

}  // namespace attune::http
