"""What the tests of the current SDK share: a client, and data sets with names of their own."""

import itertools

import argilla as rg

import databases

_numbers = itertools.count(1)


def new_name(stem):
    return f"{stem}-{next(_numbers)}"


class SdkCase(databases.OnServer):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = rg.Argilla(api_url=cls.server.url, api_key=cls.server.key)

    def new_workspace(self):
        return rg.Workspace(name=new_name("team"), client=self.client).create()

    def new_user(self, role="annotator", workspace=None):
        """(user, client of that user)"""
        name = new_name(role)
        user = rg.User(username=name, password="a long password", role=role, first_name=name,
                       client=self.client).create()
        if workspace is not None:
            user.add_to_workspace(workspace)
        status, token = self.token(name)
        self.assertEqual(201, status)
        return user, token

    def token(self, name, password="a long password"):
        """A bearer token, as the browser's login gets it."""
        import json
        response = self.server.request(
            "POST", "/api/v1/token", f"username={name}&password={password.replace(' ', '+')}",
            {"Content-Type": "application/x-www-form-urlencoded"})
        return response.status, json.loads(response.text).get("access_token")

    def call_as(self, token, method, path, body=None):
        return self.server.call(method, path, body, key=None,
                                headers={"Authorization": f"Bearer {token}"})

    def new_dataset(self, settings=None, workspace=None, **options):
        settings = settings or rg.Settings(fields=[rg.TextField(name="text")],
                                           questions=[rg.TextQuestion(name="answer")])
        return rg.Dataset(name=new_name("set"), workspace=workspace or self.new_workspace(),
                          settings=settings, client=self.client, **options).create()

    def again(self, dataset):
        """The same data set as another client finds it."""
        other = rg.Argilla(api_url=self.server.url, api_key=self.server.key)
        found = other.datasets(dataset.name, workspace=dataset.workspace.name)
        self.assertIsNotNone(found)
        return found

    def texts(self, records, field="text"):
        return [record.fields[field] for record in records]
