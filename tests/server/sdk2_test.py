"""The published SDK 2.8.0, unmodified, against `attune serve`, on both data bases. The tests are in
sdk2_*.py; they run in .venv-argilla2."""

import os
import unittest

import environment

environment.enter("argilla2")
os.environ["HF_HUB_OFFLINE"] = "1"

import databases  # noqa: E402
import sdk2_people  # noqa: E402
import sdk2_records  # noqa: E402
import sdk2_search  # noqa: E402
import sdk2_settings  # noqa: E402

load_tests = databases.on_each_database(
    sdk2_people.People, sdk2_people.Roles, sdk2_settings.SettingsOfDatasets, sdk2_settings.Webhooks,
    sdk2_records.Records, sdk2_records.Answers, sdk2_records.Rankings, sdk2_search.Search,
    sdk2_search.Export)

if __name__ == "__main__":
    unittest.main()
