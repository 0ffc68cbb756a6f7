"""A hub on loopback: the few addresses that models and data sets are downloaded from.

Files are served like a real hub's: the API lists them, a HEAD names the hash, large files redirect
to another address. `faults` maps a file to what goes wrong with it:
  "truncate"  the connection breaks in the middle of the body, once
  "corrupt"   other bytes than the hash announces
  "stall"     half of the body comes, `stalled` is set, and the rest waits for `go_on`, once
  "whole"     Range is ignored
  "no hash"   the headers announce none
  "moved"     a first redirect, within the server, without hash
  a number    that status
A hub has one repository from the start; add() puts others, without faults, beside it.
"""

import hashlib
import http.server
import json
import re
import threading
import urllib.parse


class Hub:
    def __init__(self, files, token=None, kind="models", name="team/tiny"):
        self.files = files            # name -> bytes
        self.token = token
        self.kind = kind
        self.name = name
        self.commit = "0123456789abcdef0123456789abcdef01234567"
        self.revisions = {"main"}
        self.added = {}               # address of a file, or of a list of files -> bytes
        self.faults = {}
        self.requests = []            # (method, path, Range header)
        self.authorised = []          # paths of requests that carried a token
        self.storage = ""             # another server's address for contents, "" for this one
        self.stalled = threading.Event()
        self.go_on = threading.Event()
        handler = type("Handler", (HubHandler,), {"hub": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, kind, name, files):
        """Serves one more repository; `kind` is models or datasets."""
        listing = {"sha": self.commit, "siblings": [{"rfilename": file} for file in files]}
        self.added[f"/api/{kind}/{name}/revision/main"] = json.dumps(listing).encode()
        prefix = "" if kind == "models" else "datasets/"
        for file, content in files.items():
            self.added[f"/{prefix}{name}/resolve/{self.commit}/{file}"] = content

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubHandler(http.server.BaseHTTPRequestHandler):
    hub = None

    def log_message(self, *unused):
        pass

    def refuse(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        hub = self.hub
        path = urllib.parse.unquote(self.path)
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if self.headers.get("Authorization"):
            hub.authorised.append(self.path)
        storage = re.fullmatch(r"/storage/(.+)", path)
        if storage:
            return self.send_file(storage.group(1), body)
        if path in hub.added:
            return self.send_added(hub.added[path], body)
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.refuse(401)
        api = re.fullmatch(rf"/api/{hub.kind}/{hub.name}/revision/([^/]+)", self.path)
        if api and urllib.parse.unquote(api.group(1)) in hub.revisions:
            if isinstance(hub.faults.get("api"), int):
                return self.refuse(hub.faults["api"])
            listing = {"sha": hub.commit, "siblings": [{"rfilename": name} for name in hub.files]}
            return self.send_bytes(json.dumps(listing).encode())
        prefix = "" if hub.kind == "models" else "datasets/"
        wanted = re.fullmatch(rf"/(moved/)?{prefix}{hub.name}/resolve/{hub.commit}/(.+)", path)
        if not wanted or wanted.group(2) not in hub.files:
            return self.refuse(404)
        if isinstance(hub.faults.get(wanted.group(2)), int):
            return self.refuse(hub.faults[wanted.group(2)])
        return self.redirect(wanted.group(2), wanted.group(1))

    def send_added(self, content, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{git_sha1(content)}"')
        self.end_headers()
        if body:
            self.wfile.write(content)

    def redirect(self, name, moved):
        content = self.hub.files[name]
        fault = self.hub.faults.get(name)
        self.send_response(302)
        self.send_header("Content-Length", "0")
        if fault == "moved" and not moved:
            self.send_header("Location", "/moved" + self.path)
            return self.end_headers()
        if name.endswith(".safetensors") and fault != "no hash":  # kept in large-file storage
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
        etag = "00-7" if fault == "no hash" else git_sha1(content)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Location", self.hub.storage + "/storage/" + urllib.parse.quote(name))
        return self.end_headers()

    def send_bytes(self, content, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_file(self, name, body):
        content = self.hub.files[name]
        fault = self.hub.faults.get(name)
        if fault == "corrupt":
            content = bytes(byte ^ 1 for byte in content)
        begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        begin = None if fault == "whole" else begin
        rest = content[int(begin.group(1)):] if begin else content
        if begin and not rest:
            return self.refuse(416)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(rest)))
        if begin:
            last, size = len(content) - 1, len(content)
            self.send_header("Content-Range", f"bytes {begin.group(1)}-{last}/{size}")
        self.end_headers()
        if body and fault == "truncate":
            self.hub.faults.pop(name)
            self.wfile.write(rest[:len(rest) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
        elif body and fault == "stall":
            self.hub.faults.pop(name)
            self.wfile.write(rest[:len(rest) // 2])
            self.wfile.flush()
            self.hub.stalled.set()
            self.hub.go_on.wait()
            self.close_connection = True
        elif body:
            self.wfile.write(rest)
