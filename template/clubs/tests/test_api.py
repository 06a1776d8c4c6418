from functools import partial

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.urls import reverse
from rest_framework.test import APITestCase

from people.models import Person

from ..models import Club

User = get_user_model()


class ClubApiTests(APITestCase):
    def setUp(self) -> None:
        cache.clear()
        self.owner, self.editor, self.reader = (
            User.objects.create(**{User.USERNAME_FIELD: f"{name}@example.com"})
            for name in ("owner", "editor", "reader")
        )
        self.editor.groups.add(Group.objects.get(name="Editors"))
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        self.club = Club.objects.found(
            owner=self.owner, president=self.ada, name="Chess", kind="games"
        )
        self.url = reverse("club-detail", args=[self.club.pk])

    def test_needs_a_login(self) -> None:
        self.assertEqual(self.client.get(reverse("club-list")).status_code, 401)

    def test_other_users_can_only_read(self) -> None:
        self.client.force_authenticate(self.reader)

        self.assertEqual(
            self.client.get(reverse("club-list")).json()["results"],
            [
                {
                    "id": self.club.pk,
                    "name": "Chess",
                    "kind": "games",
                    "owner": self.owner.pk,
                    "size": 1,
                }
            ],
        )
        for response in [
            self.client.post(reverse("club-list"), {}, format="json"),
            self.client.patch(self.url, {"name": "Go"}, format="json"),
            self.client.put(self.url, {"name": "Go", "kind": "games"}, format="json"),
            self.client.delete(self.url),
        ]:
            self.assertEqual(response.status_code, 403)

    def test_lists_can_be_searched(self) -> None:
        self.client.force_authenticate(self.reader)
        Club.objects.found(owner=self.owner, president=self.ada, name="Choir", kind="music")

        for query, found in [({"q": "ch"}, 2), ({"kind": "music"}, 1), ({"q": "choir chess"}, 0)]:
            with self.subTest(query):
                response = self.client.get(reverse("club-list"), query)

                self.assertEqual(len(response.json()["results"]), found)
        response = self.client.get(reverse("club-list"), {"kind": "unknown"})
        self.assertEqual(response.status_code, 400)
        self.assertEqual(set(response.json()), {"kind"})

    def test_the_schema_lists_the_filters(self) -> None:
        self.client.force_authenticate(self.reader)

        schema = self.client.get(reverse("api-schema"), {"format": "json"}).json()

        parameters = schema["paths"][reverse("club-list")]["get"]["parameters"]
        names = {parameter["name"] for parameter in parameters}
        self.assertEqual(names, {"cursor", "kind", "ordering", "page_size", "q"})

    def test_the_schema_separates_requests_from_answers_and_names_errors(self) -> None:
        self.client.force_authenticate(self.reader)

        schema = self.client.get(reverse("api-schema"), {"format": "json"}).json()

        components = schema["components"]["schemas"]
        self.assertEqual(set(components["ClubRequest"]["properties"]), {"name", "kind"})
        self.assertIn("id", components["Club"]["required"])
        methods = schema["paths"][self.url.replace(str(self.club.pk), "{id}")]
        self.assertEqual(
            {method: set(operation["responses"]) for method, operation in methods.items()},
            {
                "get": {"200", "401", "403", "404", "429"},
                "put": {"200", "400", "401", "403", "404", "409", "412", "415", "429"},
                "patch": {"200", "400", "401", "403", "404", "409", "412", "415", "429"},
                "delete": {"204", "401", "403", "404", "412", "429"},
            },
        )

    def test_a_change_that_the_client_has_not_seen_is_not_lost(self) -> None:
        self.client.force_authenticate(self.editor)
        seen = self.client.get(self.url)["ETag"]
        new = {"name": "Go", "kind": "games"}
        patch, put = (
            partial(method, self.url, new, format="json")
            for method in (self.client.patch, self.client.put)
        )
        changed = patch(headers={"if-match": seen})

        for request in [patch, put, partial(self.client.delete, self.url)]:
            for stale in [seen, "nonsense"]:
                response = request(headers={"if-match": stale})
                self.assertContains(response, "get it again", status_code=412)
        self.assertEqual(changed["ETag"], self.client.get(self.url)["ETag"])
        weak = {"if-match": f'"other", W/{changed["ETag"]}'}
        self.assertEqual(self.client.delete(self.url, headers=weak).status_code, 204)

    def test_an_etag_of_an_object_that_does_not_exist(self) -> None:
        self.client.force_authenticate(self.editor)
        for key in ["0", "nonsense", "9" * 30]:
            with self.subTest(key):
                url = self.url.replace(str(self.club.pk), key)
                response = self.client.delete(url, headers={"if-match": "*"})

                self.assertEqual(response.status_code, 404)

    def test_an_etag_saves_sending_the_same_object_again(self) -> None:
        self.client.force_authenticate(self.reader)
        seen = self.client.get(self.url)["ETag"]

        same = self.client.get(self.url, headers={"if-none-match": seen})
        other = self.client.get(self.url, headers={"if-none-match": '"other"'})

        self.assertEqual((same.status_code, same.content), (304, b""))
        self.assertEqual(other.status_code, 200)

    def test_an_editor_founds_a_club_and_owns_it(self) -> None:
        self.client.force_authenticate(self.editor)
        club = {"name": "Choir", "kind": "music", "president": self.ada.pk, "owner": self.owner.pk}

        response = self.client.post(reverse("club-list"), club, format="json")

        self.assertEqual(response.status_code, 201)
        self.assertEqual(response.json()["size"], 1)
        self.assertEqual(Club.objects.get(name="Choir").owner, self.editor)
        again = self.client.post(reverse("club-list"), club, format="json")
        self.assertEqual(set(again.json()), {"name"})

    def test_an_editor_changes_every_club_but_not_its_owner(self) -> None:
        self.client.force_authenticate(self.editor)
        changes = {"name": "Go", "owner": self.editor.pk}

        response = self.client.patch(self.url, changes, format="json")

        self.assertEqual(response.json()["name"], "Go")
        self.assertEqual(response.json()["owner"], self.owner.pk)

    def test_an_owner_changes_and_deletes_their_own_club_only(self) -> None:
        self.client.force_authenticate(self.owner)
        other = Club.objects.found(
            owner=self.editor, president=self.ada, name="Choir", kind="music"
        )

        changed = self.client.patch(self.url, {"name": "Go"}, format="json")
        deleted = self.client.delete(self.url)
        refused = self.client.delete(reverse("club-detail", args=[other.pk]))

        self.assertEqual(changed.json()["name"], "Go")
        self.assertEqual(deleted.status_code, 204)
        self.assertEqual(refused.status_code, 403)
        self.assertEqual(list(Club.objects.all()), [other])
