"""What a node makes at its start, and what it leaves until somebody wants it."""

import subprocess
import sys
from pathlib import Path

import orjson

from tests.api.serving import ROOT, environment
from tests.builders import write_keys

LEFT = {
    *("alembic", "asyncpg", "fsspec", "httpcore2", "httpx2", "jinja2", "joserfc", "mako"),
    *("opentelemetry", "pandas", "psycopg", "pyarrow", "rich"),
    *("api.backups", "api.bridging", "api.importing", "api.keeping", "governance.restoring"),
}
STARTED = """
import gc, json, sys
import api.__main__, api.cli
from api.errors import is_unreachable
from api.serving import application
from governance.database import Database
from governance.fields import Shape, Stored
from governance.migrations import is_current
from governance.settings import read_settings
app, database = application(), Database(read_settings().database_url)
assert is_current(database)
assert not is_unreachable(ValueError())
database.close()
def below(kind):
    return {kind}.union(*map(below, kind.__subclasses__()))
checked = [kind.__name__ for kind in below(Shape) | below(Stored) if kind.__pydantic_complete__]
print(json.dumps([sorted(sys.modules), checked, gc.isenabled(), gc.get_freeze_count()]))
"""


def test_a_node_starts_without_what_few_requests_need(sqlite_url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "comity.key"
    write_keys(key_file)
    settings = environment(database_url=sqlite_url, key_file=key_file)
    told = subprocess.check_output([sys.executable, "-c", STARTED], cwd=ROOT, env=settings)
    modules, checked, collects, frozen = orjson.loads(told)
    assert not LEFT.intersection(modules)
    assert "strawberry" in modules
    assert not checked  # what checks a draft is built with the first of them
    assert collects
    assert frozen > 100_000  # what was made at the start is never looked through again
