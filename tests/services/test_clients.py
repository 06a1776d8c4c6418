"""Clients that others' generators make from the schema work with the running API."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..harness.commands import clean_environment, run
from .serving import PASSWORD, Answer, Stack, in_production

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]

PROGRAMS = Path(sys.executable).parent
PACKAGES = ["openapi-fetch@0.17", "openapi-typescript@7.13", "typescript@5.9"]

CREATE = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from people.models import Person

user = get_user_model().objects.create_user("ada@example.com", "{PASSWORD}")
user.groups.add(Group.objects.get(name="Editors"))
Person.objects.create(name="Ada", age=36, email="ada@example.com")
"""

USE_PYTHON = """
import sys

from my_site_client import AuthenticatedClient
from my_site_client.api.clubs import clubs_create, clubs_destroy, clubs_partial_update, clubs_retrieve, clubs_update
from my_site_client.api.people import people_list
from my_site_client.models import ClubRequest, FoundingRequest, KindEnum, PatchedClubRequest

base_url, token = sys.argv[1:]
headers = {"X-Forwarded-Proto": "https"}
client = AuthenticatedClient(base_url, token, prefix="Token", headers=headers, raise_on_unexpected_status=True)

people = people_list.sync(client=client, q="ada", ordering="-age")
new = FoundingRequest(name="Choir", kind=KindEnum.MUSIC, president=people.results[0].id)
made = clubs_create.sync_detailed(client=client, body=new)
assert (made.status_code, made.parsed.size) == (201, 1), made
club, seen = made.parsed, made.headers["ETag"]
change = PatchedClubRequest(name="Big choir")
assert clubs_partial_update.sync(club.id, client=client, body=change, if_match=seen).name == "Big choir"
stale = clubs_partial_update.sync_detailed(club.id, client=client, body=change, if_match=seen)
assert (stale.status_code, stale.parsed.detail) == (412, "The object has changed since: get it again."), stale
new.name = "Big choir"
twice = clubs_create.sync_detailed(client=client, body=new)
assert (twice.status_code, twice.parsed.additional_keys) == (400, ["name"]), twice
put = ClubRequest(name="Small choir", kind=KindEnum.MUSIC)
assert clubs_update.sync(club.id, client=client, body=put).name == "Small choir"
assert clubs_retrieve.sync(club.id, client=client).owner == club.owner
assert clubs_destroy.sync_detailed(club.id, client=client).status_code == 204
assert clubs_retrieve.sync(club.id, client=client).detail == "No Club matches the given query."
print("It works.")
"""

USE_TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[] };
const [baseUrl, token] = process.argv.slice(2);
const headers = { Authorization: `Token ${token}`, "X-Forwarded-Proto": "https" };
const client = createClient<paths>({ baseUrl, headers });

function expect(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${found} instead of ${wanted}`);
}

const people = await client.GET("/api/people/", { params: { query: { q: "ada", ordering: "-age" } } });
const president = people.data!.results[0]!.id;
const made = await client.POST("/api/clubs/", { body: { name: "Choir", kind: "music", president } });
expect(made.response.status, 201);
expect(made.data!.size, 1);
const path = { id: made.data!.id };
const seen = made.response.headers.get("ETag")!;
const change = { body: { name: "Big choir" }, params: { path, header: { "If-Match": seen } } };
expect((await client.PATCH("/api/clubs/{id}/", change)).data!.name, "Big choir");
const again = await client.PATCH("/api/clubs/{id}/", change);
expect(again.response.status, 412);
expect(again.error!.detail, "The object has changed since: get it again.");
const twice = await client.POST("/api/clubs/", { body: { name: "Big choir", kind: "music", president } });
expect(twice.response.status, 400);
const put = { params: { path }, body: { name: "Small choir", kind: "music" as const } };
expect((await client.PUT("/api/clubs/{id}/", put)).data!.name, "Small choir");
expect((await client.GET("/api/clubs/{id}/", { params: { path } })).data!.owner, made.data!.owner);
expect((await client.DELETE("/api/clubs/{id}/", { params: { path } })).response.status, 204);
const gone = await client.GET("/api/clubs/{id}/", { params: { path } });
expect(gone.error!.detail, "No Club matches the given query.");
console.log("It works.");
"""


@pytest.fixture(scope="module")
def stack(template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    variables = {"ALLOWED_HOSTS": "127.0.0.1,example.com"}
    folder = tmp_path_factory.mktemp("clients")
    with in_production(template, environments, folder, {"database": "postgresql"}, variables=variables) as stack:
        stack.python(CREATE)
        yield stack


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    answer = stack.site.post_json("/api/token/", {"username": "ada@example.com", "password": PASSWORD})
    return str(json.loads(answer.body)["token"])


@pytest.fixture(scope="module")
def schema(stack: Stack, token: str) -> Path:
    headers = {"Authorization": f"Token {token}", "Accept": "application/vnd.oai.openapi+json"}
    path = stack.folder / "schema.json"
    path.write_text(stack.site.ask("/api/schema/", headers=headers).body)
    return path


def test_a_client_in_python(stack: Stack, schema: Path, token: str) -> None:
    ruff = {"PATH": f"{PROGRAMS}:{clean_environment()['PATH']}"}  # the generator formats its code with it
    generate: list[str | Path] = [PROGRAMS / "openapi-python-client", "generate", "--fail-on-warning", "--path", schema]
    output = run([*generate, "--meta", "none", "--output-path", "my_site_client"], stack.folder, ruff)
    assert "Warning" not in output

    (stack.folder / "use.py").write_text(USE_PYTHON)
    address = f"http://127.0.0.1:{stack.site.port}"
    assert "It works." in run([sys.executable, "use.py", address, token], stack.folder)


def test_a_client_in_typescript(stack: Stack, schema: Path, token: str) -> None:
    folder = stack.folder / "typescript"
    folder.mkdir()
    # Like other programs, npm trusts the certificates of the system.
    programs = {"NODE_USE_SYSTEM_CA": "1", "PATH": f"{PROGRAMS}:{clean_environment()['PATH']}"}
    (folder / "package.json").write_text('{"type": "module"}')
    run(["npm", "install", "--no-save", "--loglevel=error", *PACKAGES], folder, programs)
    found = folder / "node_modules" / ".bin"
    run([found / "openapi-typescript", schema, "--output", "schema.d.ts"], folder, programs)
    (folder / "use.ts").write_text(USE_TYPESCRIPT)
    options = [
        "--strict",
        "--noUncheckedIndexedAccess",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--target",
        "es2022",
    ]
    run([found / "tsc", "--noEmit", "--skipLibCheck", *options, "use.ts"], folder, programs)

    address = f"http://127.0.0.1:{stack.site.port}"
    assert "It works." in run(["node", "use.ts", address, token], folder, programs)


def test_of_equal_changes_at_once_one_wins(stack: Stack, token: str) -> None:
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    new = {"name": "Chess", "kind": "games", "president": 1}
    made = stack.site.post_json("/api/clubs/", new, headers)
    path = f"/api/clubs/{json.loads(made.body)['id']}/"
    seen = headers | {"If-Match": made.headers["ETag"]}

    def rename(number: int) -> Answer:
        body = json.dumps({"name": f"Chess {number}"})
        return stack.site.ask(path, method="PATCH", body=body, headers=seen)

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(answer.status for answer in threads.map(rename, range(8)))

    assert statuses == [200] + [412] * 7
