"""Users, workspaces and what each role may do, by the current SDK."""

import uuid

import argilla as rg
from argilla._exceptions import (ArgillaCredentialsError, ConflictError, ForbiddenError,
                                 NotFoundError, UnprocessableEntityError)

from sdk2_case import SdkCase, new_name


class People(SdkCase):
    def test_me(self):
        self.assertEqual("argilla", self.client.me.username)
        self.assertEqual("owner", self.client.me.role)

    def test_a_wrong_key_is_a_credentials_error(self):
        with self.assertRaises(ArgillaCredentialsError):
            rg.Argilla(api_url=self.server.url, api_key="wrong")

    def test_users_are_made_listed_changed_and_deleted(self):
        name = new_name("user")
        user = self.client.users.add(rg.User(username=name, first_name="Ada", last_name="L",
                                             password="a long password", role="admin"))
        self.assertEqual(("admin", "Ada", "L"), (user.role, user.first_name, user.last_name))
        self.assertIn(name, [one.username for one in self.client.users])
        self.assertEqual(user.id, self.client.users(name).id)
        self.assertEqual(name, self.client.users(id=user.id).username)
        user.role = "annotator"
        user.first_name = "Augusta"
        user.update()
        found = self.client.users(name)
        self.assertEqual(("annotator", "Augusta"), (found.role, found.first_name))
        user.delete()
        self.assertIsNone(self.client.users(name))
        self.assertIsNone(self.client.users(id=uuid.uuid4()))

    def test_a_name_taken_is_a_conflict(self):
        user, _ = self.new_user()
        with self.assertRaises(ConflictError):
            rg.User(username=user.username, first_name="x", password="a long password",
                    client=self.client).create()
        workspace = self.new_workspace()
        with self.assertRaises(ConflictError):
            rg.Workspace(name=workspace.name, client=self.client).create()

    def test_a_short_password_is_unprocessable(self):
        with self.assertRaises(UnprocessableEntityError):
            rg.User(username=new_name("user"), first_name="x", password="short",
                    client=self.client).create()

    def test_members_of_a_workspace(self):
        workspace = self.new_workspace()
        user, _ = self.new_user()
        user.add_to_workspace(workspace)
        self.assertEqual([user.username], [one.username for one in workspace.users])
        self.assertEqual([user.id], [one.id for one in self.client.users.list(workspace)])
        with self.assertRaises(ConflictError):
            user.add_to_workspace(workspace)
        workspace.users.delete(user.username)
        self.assertEqual(0, len(workspace.users))

    def test_workspaces_are_found_and_deleted(self):
        workspace = self.new_workspace()
        self.assertEqual(workspace.id, self.client.workspaces(workspace.name).id)
        self.assertEqual(workspace.name, self.client.workspaces(id=workspace.id).name)
        dataset = self.new_dataset(workspace=workspace)
        self.assertEqual([dataset.name], [one.name for one in workspace.datasets])
        with self.assertRaises(ConflictError):
            workspace.delete()
        dataset.delete()
        workspace.delete()
        self.assertIsNone(self.client.workspaces(workspace.name))
        with self.assertRaises(NotFoundError):
            workspace.delete()


class Roles(SdkCase):
    """An annotator and an admin through their own clients, as far as they get."""

    def key_of(self, role, workspace):
        name = new_name(role)
        status, user = self.server.call("POST", "/api/v1/users", {
            "username": name, "first_name": name, "password": "a long password", "role": role})
        self.assertEqual(201, status)
        if workspace is not None:
            workspace.users.add(name)
        return rg.Argilla(api_url=self.server.url, api_key=user["api_key"])

    def test_an_annotator_sees_own_workspaces_and_changes_nothing(self):
        workspace, other = self.new_workspace(), self.new_workspace()
        dataset, hidden = self.new_dataset(workspace=workspace), self.new_dataset(workspace=other)
        dataset.records.log([{"text": "one"}])
        client = self.key_of("annotator", workspace)
        self.assertEqual("annotator", client.me.role)
        self.assertEqual([workspace.name], [one.name for one in client.workspaces])
        self.assertEqual([dataset.name], [one.name for one in client.datasets])
        self.assertIsNone(client.workspaces(other.name))
        with self.assertRaises(ForbiddenError):
            client.api.datasets.get(hidden.id)
        mine = client.datasets(dataset.name, workspace=workspace.name)
        self.assertEqual(["text"], [field.name for field in mine.settings.fields])
        for act in (lambda: list(client.users), lambda: list(mine.records),
                    lambda: mine.records.log([{"text": "two"}]), mine.delete,
                    lambda: rg.Workspace(name=new_name("x"), client=client).create(),
                    lambda: rg.Dataset(name=new_name("x"), workspace=workspace,
                                       settings=rg.Settings(
                                           fields=[rg.TextField(name="t")],
                                           questions=[rg.TextQuestion(name="q")]),
                                       client=client).create()):
            with self.assertRaises(ForbiddenError):
                act()
        self.assertEqual(["one"], self.texts(dataset.records))

    def test_an_admin_runs_the_own_workspaces(self):
        workspace, other = self.new_workspace(), self.new_workspace()
        foreign = self.new_dataset(workspace=other)
        client = self.key_of("admin", workspace)
        made = rg.Dataset(name=new_name("set"), workspace=workspace.name, client=client,
                          settings=rg.Settings(fields=[rg.TextField(name="text")],
                                               questions=[rg.TextQuestion(name="q")])).create()
        made.records.log([{"text": "one"}])
        self.assertEqual(["one"], self.texts(made.records))
        with self.assertRaises(ForbiddenError):
            client.api.datasets.get(foreign.id)
        with self.assertRaises(ForbiddenError):
            rg.Workspace(name=new_name("x"), client=client).create()
        with self.assertRaises(ForbiddenError):
            client.users.add(rg.User(username=new_name("x"), first_name="x",
                                     password="a long password"))
        made.delete()
