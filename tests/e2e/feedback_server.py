"""Starts `attune serve` for a test, on a free port with a data directory of its own, and talks to it.

    with FeedbackServer() as server:
        server.call("GET", "/api/v1/me")         # (status, JSON)
        server.url, server.key                   # for an SDK
"""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import urllib.parse

import programs

DEV_KEY = "argilla.apikey"
ADDRESS = "Attune serves "
SETUP = "There is nobody yet: "


class FeedbackServer:
    """`flags` as on the command line; without a development key where `dev_key` is None."""

    def __init__(self, *flags, database_url=None, data_dir=None, dev_key=DEV_KEY, env=None):
        self.directory = None if data_dir else tempfile.TemporaryDirectory()
        self.data_dir = pathlib.Path(data_dir or pathlib.Path(self.directory.name, "data"))
        self.key = dev_key
        self.words = [str(programs.BIN / "attune"), "serve", "--data_dir", str(self.data_dir),
                      "--port", "0", "--access_log", "false", *map(str, flags)]
        if dev_key is not None:
            self.words += ["--dev_api_key", dev_key]
        if database_url is not None:
            self.words += ["--database_url", database_url]
        self.env = {**os.environ, **(env or {})}
        self.process = self.log = self.url = self.setup_link = None

    def start(self):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=self.env)
        line = self.process.stdout.readline()
        if not line.startswith(ADDRESS):
            self.process.wait()
            raise RuntimeError(f"attune serve did not start: {line}{self.read_log()}")
        self.url = line.removeprefix(ADDRESS).strip()
        if self.key is None and self.call("GET", "/api/attune/v1/setup", key=None)[1]["needed"]:
            line = self.process.stdout.readline()
            if not line.startswith(SETUP):
                raise RuntimeError(f"no set-up link: {line}")
            self.setup_link = line.split()[-1]
        return self

    def stop(self, signal_number=signal.SIGTERM):
        """Ends it and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        try:
            code = self.stop()
            if error[0] is None and code != 0:
                raise AssertionError(f"attune serve ended with {code}:\n{self.read_log()}")
            if error[0] is not None:
                print(f"the server's log:\n{self.read_log()}")
        finally:
            self.log.close()
            if self.directory:
                self.directory.cleanup()

    def request(self, method, path, body=None, headers=None):
        """The response of one request on a connection of its own, its body read as .text."""
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            response.text = response.read().decode("utf-8")
            return response
        finally:
            connection.close()

    def call(self, method, path, body=None, key=DEV_KEY, headers=None):
        """(status, answer): JSON both ways; `key` None sends none."""
        sent = {"X-Argilla-Api-Key": key} if key is not None else {}
        data = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        response = self.request(method, path, data, {**sent, **(headers or {})})
        return response.status, json.loads(response.text) if response.text else None
