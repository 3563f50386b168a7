"""Spans of requests, if they are wanted; never with anything personal."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from api.app import create_app
from api.observing.traces import Traces, traces
from governance.errors import BadSetting
from governance.settings import Settings
from tests.api.http.outside import Node
from tests.api.serving import ROOT, environment
from tests.builders import Team

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Traced(Node):
    """A node whose spans are kept in memory."""

    def __init__(self, url: str, key_file: Path) -> None:
        super().__init__(url, key_file)
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        app = create_app(self.settings, now=self.clock, spans=Traces(provider))
        self.client = TestClient(app)

    def spans(self) -> dict[str, ReadableSpan]:
        """Those of the last request by name, the newest of each."""
        found = {span.name: span for span in self.exporter.get_finished_spans()}
        self.exporter.clear()
        return found


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Traced]:
    """Yield a node that is traced, on each engine."""
    with Traced(database_url, tmp_path / "comity.key") as node:
        yield node


def test_a_query_has_a_span_for_each_step(node: Traced, team: Team) -> None:
    headers = {**node.headers(team.reader), "traceparent": PARENT, "X-Request-Id": "r-1"}
    query = {"query": "query Mine { platforms { totalCount } }"}
    node.client.post("/graphql", json=query, headers=headers)
    spans = node.spans()
    assert set(spans) == {"query platforms", "parse", "plan", "statement"}
    request = spans["query platforms"]
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == PARENT.split("-")[1]
    for name in ("parse", "plan", "statement"):
        parent = spans[name].parent
        assert parent is not None
        assert parent.span_id == request.context.span_id
    assert dict(request.attributes or {}) == {
        "graphql.operation.type": "query",
        "comity.root": "platforms",
        "comity.request_id": "r-1",
        "comity.statements": 3,  # a new token is looked at before the body and after it
        "comity.refusals": (),
        "comity.errors": (),
        "http.response.status_code": 200,
    }


def test_a_change_has_a_span_for_the_write_and_nothing_personal(node: Traced, team: Team) -> None:
    secret = node.issue(team.issuer, subject="acct:petronella@b.example")["appealSecret"]
    node.do("IssueSanction", team.issuer, **node.body(reason="petronella", subject="petronella"))
    spans = node.exporter.get_finished_spans()
    assert "write" in {span.name for span in spans}
    printed = " ".join(span.to_json() for span in spans)
    token = node.headers(team.issuer)["Authorization"][7:]
    for word in ("petronella", "b.example", secret, token, "SELECT", "INSERT", "testclient"):
        assert word not in printed
    assert "INVALID_INPUT" in printed


def test_a_fault_is_told_by_its_type(node: Traced) -> None:
    with node.world.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE appeals RENAME TO lost")
    node.post("{ appeals { nodes { id } } }")
    spans = node.spans()
    assert spans["query appeals"].status.status_code is StatusCode.ERROR
    statement = spans["statement"]
    assert statement.status.status_code is StatusCode.ERROR
    assert (statement.attributes or {})["error.type"]
    assert not any(span.events for span in spans.values())
    assert "no such table" not in " ".join(span.to_json() for span in spans.values())


def test_nothing_of_opentelemetry_is_imported_unless_it_is_wanted() -> None:
    code = (
        "import sys, api.cli, api.app\n"
        "api.app.traces(api.app.Settings())\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=False)
    assert done.returncode == 0


def test_wanted_but_not_installed_is_a_bad_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSetting, match=r"^COMITY_TRACING: .*comity\[otel\]"):
        traces(Settings(tracing="otlp"))


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("OTEL_SERVICE_NAME", "", "comity"),
        ("OTEL_SERVICE_NAME", "mine", "mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine", "mine"),
    ],
)
def test_wanted_and_installed_they_go_as_opentelemetry_says(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)
    found = traces(Settings(tracing="otlp"))
    assert found is not None
    assert found.provider.resource.attributes["service.name"] == name
    found.close()
