"""A PostgreSQL server of a test's own: a new cluster in a temporary directory on a free port of the
loopback address, gone with the process.

    with PostgresCluster() as cluster:
        url = cluster.new_database()        # "postgresql://postgres@127.0.0.1:PORT/test_1"

Root cannot run PostgreSQL: then files and processes belong to the user `postgres`.
"""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

USER = "postgres"
PROGRAMS = [*os.environ.get("PATH", "").split(os.pathsep),
            *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]


def programs():
    """The folder of PostgreSQL's programs, or None where it is not installed."""
    for folder in map(pathlib.Path, PROGRAMS):
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    return None


def as_user(*words):
    """The words of a command, run as somebody who is not root; SIGQUIT when this process ends."""
    dropped = []
    if os.geteuid() == 0:
        dropped = ["--reuid", USER, "--regid", USER, "--init-groups"]
    return ["setpriv", *dropped, "--pdeathsig", "QUIT", *map(str, words)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PostgresCluster:
    def __init__(self):
        self.programs = programs()
        if self.programs is None:
            raise FileNotFoundError("PostgreSQL is not installed")
        self.folder = tempfile.mkdtemp(prefix="attune-postgres-")
        self.data = pathlib.Path(self.folder) / "data"
        self.port = free_port()
        self.server = None
        self.databases = 0
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            as_user(self.programs / "initdb", f"--pgdata={self.data}", "--username=postgres",
                    "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self):
        # It says little (log_min_messages), so that nobody needs to empty the pipe.
        self.server = subprocess.Popen(
            as_user(self.programs / "postgres", "-D", self.data, "-p", self.port,
                    "-h", "127.0.0.1", "-k", self.folder, "-c", "fsync=off",
                    "-c", "max_connections=200", "-c", "log_min_messages=log",
                    "-c", "log_checkpoints=off"),
            stderr=subprocess.PIPE, text=True)
        said = []
        for line in self.server.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                return
        raise RuntimeError("the server did not start: " + "".join(said))

    def kill(self):
        """As a failing machine would; start() brings it back."""
        if self.server is not None:
            self.server.send_signal(signal.SIGQUIT)
            self.server.wait()
            self.server.stderr.close()
            self.server = None

    def url(self, name):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def new_database(self):
        """The address of a new, empty data base."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def psql(self, name, sql):
        """What a statement answers, unaligned and without headings."""
        return subprocess.run(
            [str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-c", sql, self.url(name)],
            check=True, capture_output=True, text=True).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
