"""What the README prints is what a node answers."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.testclient import TestClient
from typer.main import get_command

from api.app import create_app
from api.cli import app
from governance import demo
from governance.database import Database
from governance.settings import Settings, secret_fields

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_first_query_answers_what_the_readme_prints(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=sqlite_url, key_file=tmp_path / "comity.key")
    keys = settings.keys(create=True)
    database = Database(sqlite_url, settings.sequencer(create=True))
    demo.load(database, keys, now=datetime.now(UTC), sanctions=1)
    database.close()
    asked = re.search(r"-d '(\{.*?\})'", README, re.DOTALL)
    printed = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert asked
    assert printed
    with TestClient(create_app(settings)) as client:
        answer = client.post("/graphql", json=orjson.loads(asked[1])).json()
    assert answer == orjson.loads(printed[1])


def test_every_setting_is_in_the_readme() -> None:
    named = set(re.findall(r"`(COMITY_[A-Z_]+)`", README))
    fields = {f"COMITY_{field.upper()}" for field in Settings.__dataclass_fields__}
    assert named == fields | {f"COMITY_{field.upper()}_FILE" for field in secret_fields()}


def test_the_printed_permissions_are_those_of_the_code() -> None:
    from api.permissions import markdown

    printed = Path(__file__).parent.parent / "docs" / "permissions.md"
    assert printed.read_text(encoding="utf-8") == markdown()


def test_every_refusal_code_is_explained() -> None:
    from governance.errors import RefusalCode

    errors = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)`", errors, re.MULTILINE)) == set(RefusalCode)


def test_every_command_in_the_documents_exists() -> None:
    root = Path(__file__).parent.parent
    pages = [README, *(page.read_text(encoding="utf-8") for page in root.glob("docs/*.md"))]
    group = get_command(app)
    found = 0
    for page in pages:
        for line in re.findall(r"(?:^|`|sudo )comity ([a-z][^`\n#]*)", page, re.MULTILINE):
            words = re.sub(r"[\[\]]", "", line).split()
            command: Any = group
            while words and hasattr(command, "commands") and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            assert command is not group, line
            within = getattr(command, "commands", {"": command}).values()
            known = {option for one in within for p in one.params for option in p.opts}
            told = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert told <= known | {"--help"}, line
            found += 1
    assert found > 50
