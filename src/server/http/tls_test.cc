// The same server behind TLS, with a certificate made here.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cstdio>

#include "base/file.h"
#include "server/http/running_server.h"

namespace attune::http {
namespace {

using testing::get;
using testing::post;
using testing::RunningServer;

struct CertificateFiles {
  TemporaryDirectory directory;
  std::string certificate = directory.file("certificate.pem"), key = directory.file("key.pem");

  CertificateFiles() {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* made = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_sign(made, pair, EVP_sha256());
    FILE* file = std::fopen(certificate.c_str(), "w");
    PEM_write_X509(file, made);
    std::fclose(file);
    file = std::fopen(key.c_str(), "w");
    PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(made);
    EVP_PKEY_free(pair);
  }
  ServerOptions options() const {
    ServerOptions wanted;
    wanted.certificate_path = certificate;
    wanted.key_path = key;
    return wanted;
  }
};

class TlsClient {
 public:
  explicit TlsClient(int port)
      : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM, 0));
    const timeval half_a_minute{30, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &half_a_minute, sizeof half_a_minute);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    SSL_set_fd(ssl_, socket_.get());
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  void send(const std::string& bytes) {
    EXPECT_EQ(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  std::string read_all() {
    std::string all;
    char piece[16384];
    for (int got; (got = SSL_read(ssl_, piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  Descriptor socket_;
  SSL_CTX* context_;
  SSL* ssl_;
};

Response echo(Request& request) {
  Response response;
  response.body = request.body;
  return response;
}

TEST(Tls, CarriesRequestsAndAnswers) {
  const CertificateFiles files;
  RunningServer running(echo, files.options());
  TlsClient client(running.port());
  const std::string body(3'000'000, 'b');
  client.send(post("/", "small") + post("/", body) + get("/", "Connection: close\r\n"));
  const std::string all = client.read_all();
  EXPECT_NE(all.find("small"), std::string::npos);
  EXPECT_NE(all.find(body), std::string::npos);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(Tls, StreamsAreWholeToo) {
  const CertificateFiles files;
  RunningServer running(
      [](Request&) {
        Response response;
        response.stream = [](BodyWriter& writer) {
          for (int i = 0; i < 200; ++i) writer.write(std::string(5000, 'x'));
        };
        return response;
      },
      files.options());
  TlsClient client(running.port());
  client.send(get("/", "Connection: close\r\n"));
  const std::string all = client.read_all();
  const size_t head_end = all.find("\r\n\r\n");
  EXPECT_EQ(std::count(all.begin() + static_cast<ptrdiff_t>(head_end), all.end(), 'x'), 1'000'000);
  EXPECT_TRUE(all.ends_with("0\r\n\r\n"));
}

TEST(Tls, PlainTextIsNotAnswered) {
  const CertificateFiles files;
  RunningServer running(echo, files.options());
  testing::Client plain = running.connect();
  plain.send(get("/"));
  EXPECT_EQ(plain.read_all().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(running.server().counts().requests, 0);
  TlsClient client(running.port());
  client.send(get("/", "Connection: close\r\n"));
  EXPECT_NE(client.read_all().find("200 OK"), std::string::npos);
}

TEST(Tls, AFileThatIsNoneIsNamed) {
  const CertificateFiles files;
  ServerOptions options = files.options();
  options.port = 0;
  options.key_path = files.directory.file("absent.pem");
  auto server = Server::listen(options, echo);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.error().message().find("absent.pem"), std::string::npos);
  const CertificateFiles other;
  options.key_path = other.key;  // of another certificate
  EXPECT_FALSE(Server::listen(options, echo).ok());
  options.key_path.clear();
  EXPECT_FALSE(Server::listen(options, echo).ok());
}

}  // namespace
}  // namespace attune::http
