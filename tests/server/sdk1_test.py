"""The published SDK 1.29.1, unmodified, against `attune serve`, on both data bases: the code of 2023 as it
was printed, and the calls around it. The tests are in sdk1_*.py; they run in .venv-argilla1."""

import os
import unittest

import environment

environment.enter("argilla1")
os.environ.update(HF_HUB_OFFLINE="1", ARGILLA_ENABLE_TELEMETRY="0")

import databases  # noqa: E402
import sdk1_loop  # noqa: E402
import sdk1_more  # noqa: E402

load_tests = databases.on_each_database(sdk1_loop.Corrections, sdk1_loop.Preferences,
                                        sdk1_more.Datasets, sdk1_more.People)

if __name__ == "__main__":
    unittest.main()
