"""What others read data with reads the exported Parquet, CSV and NDJSON, and counts the same."""

import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from governance.exporting.days import export
from governance.exporting.places import Folder
from governance.membership import create_token
from governance.settings import Settings
from governance.vocabulary import Category
from tests.api.serving import ASKING, Demo, serving
from tests.builders import DAY, NOW, World, write_keys
from tests.tools import library, program

ROOT = Path(__file__).parents[2]
GUIDE, README = ROOT / "docs" / "data.md", ROOT / "README.md"


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Return an export of five sanctions on two days, the later ones of a server."""
    with World(sqlite_url) as world:
        team = world.team("mod.example")
        for _ in range(3):
            world.issue(team.issuer, explanation='With "quotes", commas\nand lines')
        for _ in range(2):
            world.issue(team.issuer, NOW + DAY)
        assert world.database.log is not None
        export(world.database, world.database.log, Folder(tmp_path / "out"), now=NOW + 3 * DAY)
    return tmp_path / "out"


def test_duckdb_reads_every_format(folder: Path) -> None:
    duckdb = library("duckdb")
    for source in (
        f"read_parquet('{folder}/parquet/statements/*/*.parquet', hive_partitioning=true)",
        f"read_csv('{folder}/csv/statements/*/*.csv.gz', hive_partitioning=true)",
        f"read_json('{folder}/ndjson/statements/*/*.ndjson.gz', hive_partitioning=true)",
    ):
        query = f"select day::text, count(*), count(expiresAt) from {source} group by 1 order by 1"
        with duckdb.connect() as connection:
            days = [row for row in connection.sql(query).fetchall() if row[1]]
        first, second = f"{NOW:%Y-%m-%d}", f"{NOW + DAY:%Y-%m-%d}"
        assert days == [(first, 3, 3), (second, 2, 2)]


def test_polars_reads_parquet_with_its_days(folder: Path) -> None:
    polars = library("polars")
    frame = polars.scan_parquet(f"{folder}/parquet/statements/", hive_partitioning=True).collect()
    assert frame.height == 5
    assert str(frame.schema["issuedAt"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert sorted(map(str, frame["day"].unique())) == [f"{NOW:%Y-%m-%d}", f"{NOW + DAY:%Y-%m-%d}"]


def test_pandas_reads_every_format(folder: Path) -> None:
    pandas = library("pandas")
    assert len(pandas.read_parquet(folder / "parquet" / "statements")) == 5
    day = f"day={NOW:%Y-%m-%d}"
    comma = pandas.read_csv(folder / "csv" / "explanations" / day / "explanations.csv.gz")
    lines = pandas.read_json(
        folder / "ndjson" / "explanations" / day / "explanations.ndjson.gz", lines=True
    )
    for frame in (comma, lines):
        assert (
            list(frame[frame.field == "explanation"].value)
            == ['With "quotes", commas\nand lines'] * 3
        )


def test_the_guides_client_fetches_a_selection(sqlite_url: str, tmp_path: Path) -> None:
    library("gql.transport.httpx")
    polars = library("polars")
    [code] = re.findall(r"```python\n(import time\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)
    key_file = tmp_path / "comity.key"
    write_keys(key_file)
    settings = Settings(database_url=sqlite_url, key_file=key_file)
    with World(sqlite_url) as world:
        world.database.log = settings.sequencer()
        team = world.team("mod.example")
        people = [f"acct:alice{n}@b.example" for n in range(12)]
        for one in [*people, *people[:10]]:
            world.issue(team.issuer, category=Category.SCAMS_AND_FRAUD, subject=one)
        handle = "researcher"
        token = world.do(create_token, "mod.example", handle, now=NOW, lifetime=None)
    with serving(database_url=sqlite_url, key_file=key_file) as served:
        wanted = {"measures": ["ACCOUNT_SUSPENDED"]}
        file = told["selection"](served.address, token, tmp_path / "rows.parquet", **wanted)
        with pytest.raises(RuntimeError, match="INVALID_INPUT"):
            told["selection"](served.address, token, file, subject="acct:alice1@b.example")
    frame = polars.read_parquet(file)
    again = frame.group_by("subject").len()
    assert (frame.height, again.height, again["len"].max()) == (22, 12, 2)


def test_the_readmes_client_frames_a_whole_selection(served: Demo) -> None:
    library("gql.transport.httpx")
    library("polars")
    code, use = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)
    query = "{ statistics(groupBy: []) { rows { sanctionCount } } }"
    answer = ASKING.post(f"{served.address}/graphql", json={"query": query}).json()
    [total] = answer["data"]["statistics"]["rows"]
    frame = told["frame"](served.address)
    assert frame.height == frame["id"].n_unique() == total["sanctionCount"] > 1_000
    some = eval(use.replace("http://127.0.0.1:8000", served.address), told)
    assert set(some["measure"]) == {"ACCOUNT_SUSPENDED"}
    assert min(some["issuedAt"]) >= "2026-01-01"


def test_spark_reads_parquet_with_its_days(folder: Path) -> None:
    """`make spark` alone asks for it."""
    if find_spec("pyspark") is None:
        pytest.skip("there is no Spark: run `make spark`")
    program("java", "Spark takes Java 17")
    sql = importlib.import_module("pyspark.sql")
    built = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = built.getOrCreate()
    try:
        found = session.read.parquet(f"{folder}/parquet/statements")
        days = sorted(
            (str(row["day"]), row["count"]) for row in found.groupBy("day").count().collect()
        )
        assert dict(found.dtypes)["issuedAt"] == "timestamp"
    finally:
        session.stop()
    assert days == [(f"{NOW:%Y-%m-%d}", 3), (f"{NOW + DAY:%Y-%m-%d}", 2)]
