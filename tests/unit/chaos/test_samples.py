"""Samples of a mesh's processes, kept as a table and drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from tests.faults.chaos.plot import PANELS, plot
from tests.faults.chaos.samples import Sample, Samples, read_samples


def samples(*, looks: int) -> Samples:
    made = Samples()
    for at in range(looks):
        made.of["nats"].append(Sample(at * 2.0, "nats", 20.5, 10, None))
        made.of["edge"].append(Sample(at * 2.0, "edge", 60.0 + at, 28, 250.0 if at == 4 else 5.0))
    return made


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    made = samples(looks=10)
    made.keep(tmp_path / "kept.csv")
    assert read_samples(tmp_path / "kept.csv") == made.of


def test_a_long_table_is_thinned_and_keeps_what_was_largest(tmp_path: Path) -> None:
    samples(looks=1_001).keep(tmp_path / "kept.csv", most=100)
    kept = read_samples(tmp_path / "kept.csv")
    assert 90 <= sum(map(len, kept.values())) <= 100
    assert kept["edge"][0].lag_ms == 250.0
    assert kept["edge"][-1] == Sample(2_000.0, "edge", 1_060.0, 28, 5.0)
    assert {look.lag_ms for look in kept["nats"]} == {None}


def test_every_process_is_drawn_in_every_panel_that_it_has_figures_for() -> None:
    drawn = ET.fromstring(plot(samples(looks=10).of, title="a <b> soak"))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"nats", "edge", "minutes", *(title for title, _ in PANELS.values())} <= set(texts)
    points = [len(line.get("points", "").split()) for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")]
    assert points.count(10) == 2 + 2 + 1
