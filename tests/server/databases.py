"""Runs the test classes of a module once for each data base: SQLite, and PostgreSQL in a cluster that
is started for the run."""

import atexit
import os
import unittest

import feedback_server

_clusters = []


def _postgres_url():
    """A new, empty data base of this run's cluster."""
    if not _clusters:
        import postgres_cluster
        _clusters.append(postgres_cluster.PostgresCluster())
        atexit.register(_clusters[0].__exit__)
    return _clusters[0].new_database()


def new_server(database, *flags, **settings):
    """A server, not yet started, on a new data base of that kind."""
    url = _postgres_url() if database == "postgres" else None
    return feedback_server.FeedbackServer(*flags, database_url=url, **settings)


class OnServer(unittest.TestCase):
    """One server for the tests of a class; `database` is set by on_each_database."""

    database = None
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = new_server(cls.database, *cls.flags)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)


def on_each_database(*classes):
    """load_tests of a module whose classes derive from OnServer."""
    databases = os.environ.get("ATTUNE_TEST_DATABASES", "sqlite,postgres").split(",")

    def load_tests(loader, _tests, pattern):
        suite = unittest.TestSuite()
        for database in databases:
            for one in classes:
                name = one.__name__ + database.capitalize()
                made = type(name, (one,), {"database": database, "__module__": one.__module__})
                suite.addTests(loader.loadTestsFromTestCase(made))
        return suite

    return load_tests
