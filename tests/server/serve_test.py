"""`attune serve` as its operators meet it: the data directory, the first account, signals, limits, health,
metrics, request ids, TLS."""

import http.client
import os
import pathlib
import re
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import unittest

import programs
from feedback_server import DEV_KEY, FeedbackServer


class Serve(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.data = pathlib.Path(self.folder.name, "data")

    def server(self, *flags, **settings):
        return FeedbackServer(*flags, data_dir=self.data, **settings)

    def refused(self, *words, says):
        result = programs.attune("serve", "--data_dir", self.data, "--port", "0", *words,
                                 timeout_s=60)
        self.assertNotEqual(0, result.returncode, result.stdout)
        self.assertIn(says, result.stderr)
        return result.returncode

    def test_the_data_directory_is_its_owners_alone(self):
        with self.server():
            self.assertEqual(0o700, stat.S_IMODE(self.data.stat().st_mode))
            for path in self.data.iterdir():
                self.assertEqual(0, stat.S_IMODE(path.stat().st_mode) & 0o077, path)

    def test_two_servers_do_not_share_a_directory(self):
        with self.server() as first:
            self.refused(says=f"process {first.process.pid} serves this data directory")
        with self.server():
            pass

    def test_what_was_written_is_there_after_a_restart(self):
        with self.server() as server:
            self.assertEqual(201, server.call("POST", "/api/v1/workspaces", {"name": "kept"})[0])
        with self.server() as server:
            _, found = server.call("GET", "/api/v1/me/workspaces")
            self.assertIn("kept", [one["name"] for one in found["items"]])

    def test_the_first_start_gives_a_link_once(self):
        with self.server(dev_key=None) as server:
            link = server.setup_link
            self.assertTrue(link.startswith(server.url + "/setup#"), link)
            page = server.request("GET", "/setup")
            self.assertEqual(200, page.status)
            self.assertIn("script-src 'sha256-", page.getheader("Content-Security-Policy"))
            token = link.partition("#")[2]
            self.assertNotIn(token, server.read_log())
            body = {"token": token, "username": "ada", "password": "a long password"}
            status, _ = server.call("POST", "/api/attune/v1/setup", {**body, "token": "x"}, key=None)
            self.assertEqual(403, status)
            status, made = server.call("POST", "/api/attune/v1/setup", body, key=None)
            self.assertEqual(201, status, made)
            self.assertEqual(403, server.call("POST", "/api/attune/v1/setup",
                                              {**body, "username": "eve"}, key=None)[0])
            key = made["user"]["api_key"]
            self.assertEqual("owner", server.call("GET", "/api/v1/me", key=key)[1]["role"])
        with self.server("--rate_per_key", "0", dev_key=None) as server:
            self.assertIsNone(server.setup_link)
            self.assertEqual("ada", server.call("GET", "/api/v1/me", key=key)[1]["username"])

    def test_a_development_key_stays_on_this_machine(self):
        self.refused("--host", "0.0.0.0", "--dev_api_key", DEV_KEY, says="dev_api_key")
        self.refused("--behind_proxy", "true", "--dev_api_key", DEV_KEY,
                     says="make a key of your own")

    def test_wrong_use_is_said(self):
        self.assertEqual(2, self.refused("--prot", "1", says="prot"))
        self.assertEqual(2, self.refused("--port", "65536", says="port"))
        self.refused("--host", "no.such.host.invalid", says="no.such.host.invalid")
        self.refused("--tls_certificate", "absent.pem", says="key")
        self.refused("--database_url", "mysql://x", says="mysql")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused("--port", str(port), says="--port")

    def test_it_ends_on_signals_and_finishes_what_runs(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server().start()
            half = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]),
                                              timeout=60)
            half.putrequest("POST", "/api/v1/workspaces")
            half.putheader("X-Argilla-Api-Key", server.key)
            body = b'{"name": "while-stopping-%d"}' % number
            half.putheader("Content-Length", str(len(body)))
            half.endheaders(body[:5])
            idle = server.call("GET", "/api/v1/me")
            self.assertEqual(200, idle[0])
            server.process.send_signal(number)
            half.send(body[5:])
            response = half.getresponse()
            self.assertEqual(201, response.status)
            self.assertEqual("close", response.getheader("Connection"))
            response.read()
            half.close()
            self.assertEqual(0, server.process.wait(timeout=60))
            server.__exit__(None, None, None)

    def test_health_and_metrics(self):
        with self.server("--metrics_token", "secret-token", "--behind_proxy", "true",
                         dev_key=None) as server:
            for path in ("/healthz", "/readyz"):
                self.assertEqual(200, server.request("GET", path).status)
            server.call("GET", "/api/v1/workspaces/00000000-0000-4000-8000-000000000000", key=None)
            answer = server.request("GET", "/metrics")
            self.assertEqual(200, answer.status)
            self.assertTrue(answer.getheader("Content-Type").startswith("text/plain; version=0.0.4"))
            self.assertRegex(answer.text, re.escape(
                'attune_requests_total{method="GET",route="/api/v1/workspaces/{workspace_id}",'
                'status="401"} 1'))
            from_outside = {"X-Forwarded-For": "10.1.2.3"}
            self.assertEqual(403, server.request("GET", "/metrics", headers=from_outside).status)
            for token, status in (("secret-token", 200), ("other", 403)):
                self.assertEqual(status, server.request("GET", "/metrics", headers={
                    **from_outside, "Authorization": f"Bearer {token}"}).status)

    def test_requests_have_ids_and_log_lines(self):
        server = FeedbackServer("--access_log", "true", data_dir=self.data)
        with server:
            answer = server.request("GET", "/api/v1/me", headers={"X-Request-Id": "mine.1",
                                                                  "X-Argilla-Api-Key": DEV_KEY})
            self.assertEqual("mine.1", answer.getheader("X-Request-Id"))
            self.assertRegex(server.read_log(), r"127\.0\.0\.1 GET /api/v1/me 200 \d+ [\d.]+ ms mine\.1")
            made = server.request("GET", "/nothing").getheader("X-Request-Id")
            self.assertIn(made, server.read_log())
            self.assertNotIn(DEV_KEY, server.read_log())

    def test_clients_beyond_this_machine_are_limited(self):
        with self.server("--behind_proxy", "true", "--rate_per_address", "1",
                         dev_key=None) as server:
            headers = {"X-Forwarded-For": "10.1.2.3"}
            answers = [server.request("GET", "/healthz", headers=headers) for _ in range(20)]
            refused = [answer for answer in answers if answer.status == 429]
            self.assertTrue(refused)
            self.assertGreaterEqual(int(refused[0].getheader("Retry-After")), 1)
            self.assertEqual([200] * 20, [server.request("GET", "/healthz").status
                                          for _ in range(20)])

    def test_bodies_are_limited(self):
        with self.server("--body_mb", "1") as server:
            status, _ = server.call("POST", "/api/v1/workspaces", {"name": "x" * 1_100_000})
            self.assertEqual(413, status)

    def test_who_is_not_known_cannot_send_much(self):
        with self.server() as server:
            for path in ("/api/attune/v1/setup", "/api/v1/token", "/api/v1/workspaces"):
                for lines in ({}, {"Cookie": "theme=dark"}, {"Authorization": "Basic YTpi"}):
                    # The head alone: it is refused before any of the body has come.
                    answer = server.request("POST", path, headers={**lines,
                                                                   "Content-Length": "65537"})
                    self.assertEqual(413, answer.status, (path, lines))
                    self.assertIn("X-Argilla-Api-Key", answer.text)
            self.assertEqual(201, server.call("POST", "/api/v1/workspaces",
                                              {"name": "w", "more": "x" * 70_000})[0])

    def test_a_client_that_smuggles_is_refused(self):
        with self.server() as server:
            with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as raw:
                raw.sendall(b"POST /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/me HTTP/1.1\r\n"
                            b"Host: x\r\n\r\n")
                said = b""
                while piece := raw.recv(65536):
                    said += piece
            self.assertTrue(said.startswith(b"HTTP/1.1 400 "), said)
            self.assertEqual(1, said.count(b"HTTP/1.1"), said)

    def test_tls(self):
        certificate, key = (pathlib.Path(self.folder.name, name) for name in ("c.pem", "k.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
                        certificate], check=True, capture_output=True)
        with self.server("--tls_certificate", certificate, "--tls_key", key) as server:
            self.assertTrue(server.url.startswith("https://"))
            context = ssl.create_default_context(cafile=certificate)
            connection = http.client.HTTPSConnection(
                "127.0.0.1", int(server.url.rsplit(":", 1)[1]), context=context, timeout=60)
            connection.request("GET", "/api/v1/me", headers={"X-Argilla-Api-Key": DEV_KEY})
            self.assertEqual(200, connection.getresponse().status)
            connection.close()

    def test_many_clients_at_once(self):
        with self.server() as server:
            failures = []

            def ask(number):
                for turn in range(10):
                    status, answer = server.call("POST", "/api/v1/workspaces",
                                                 {"name": f"w-{number}-{turn}"})
                    if status != 201:
                        failures.append(answer)

            threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([], failures)
            _, found = server.call("GET", "/api/v1/me/workspaces")
            self.assertEqual(201, len(found["items"]))


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main()
