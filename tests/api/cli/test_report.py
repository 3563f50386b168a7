"""`comity report`: a draft, figures from elsewhere, a publication."""

from pathlib import Path

from governance.exporting.templates import Part, filled, keys, read
from tests.api.cli.conftest import Comity

DAYS = "2025-01-01/2025-06-30"


def test_a_draft_is_completed_and_published(node: Comity, tmp_path: Path) -> None:
    assert node("platform", "add", "mod.example").code == 0
    draft = node("report", "show", "mod.example", DAYS)
    assert draft.err == "a draft: not published yet\n"
    part, domain, days, _ = read(draft.out)
    assert (part, domain, days) == (Part.APPEALS, "mod.example", DAYS)
    [*_, unfounded] = keys(Part.APPEALS)
    file = tmp_path / "figures.csv"
    file.write_text(filled(Part.APPEALS, "mod.example", DAYS, {unfounded: "7"}))
    added = node("report", "figures", str(file))
    assert (added.code, added.err) == (0, f"1 figures added for mod.example, {DAYS}\n")
    published = node("report", "publish", "mod.example", DAYS)
    assert (published.code, published.err) == (0, f"published version 1 of mod.example, {DAYS}\n")
    shown = node("report", "show", "mod.example", DAYS)
    assert (shown.err, read(shown.out)[3][unfounded]) == ("version 1\n", "7")
    terms = node("report", "show", "mod.example", DAYS, "--part", "6_own_initiative_TC")
    assert read(terms.out)[0] is Part.OWN_INITIATIVE_TERMS


def test_what_can_not_be_done_is_said(node: Comity, tmp_path: Path) -> None:
    assert "no platform no.example" in node("report", "show", "no.example", DAYS).err
    assert "expected a reporting period" in node("report", "show", "mod.example", "2025").err
    backwards = node("report", "show", "mod.example", "2025-06-30/2025-01-01").err
    assert "expected a last day that isn't before the first" in backwards
    file = tmp_path / "figures.csv"
    file.write_bytes(b"\xff\xfe")
    assert "expected CSV in UTF-8" in node("report", "figures", str(file)).err
    file.write_text("a,b\n")
    refused = node("report", "figures", str(file))
    assert (refused.code, "rows of a part of the template" in refused.err) == (1, True)
