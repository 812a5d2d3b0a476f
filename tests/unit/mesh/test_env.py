"""Settings: typed, with defaults, and all mistakes at once."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mesh.env import SettingRow, SettingsError, describe, load, setting


def _long(text: str) -> str:
    if len(text) < 5:
        raise ValueError("must have at least 5 characters")
    return text


@dataclass(frozen=True)
class Inner:
    folder: Path = setting("X_FOLDER", help="where it is kept")
    key: str = setting("X_KEY", help="signs", secret=True, parse=_long)


@dataclass(frozen=True)
class Outer:
    inner: Inner
    length: int = setting("X_LENGTH", 280, help="longest text", unit="code points", least=1, most=1000)
    ratio: float = setting("X_RATIO", 0.5, help="a share")
    is_on: bool = setting("X_ON", True, help="whether")
    wait: timedelta = setting("X_WAIT", timedelta(seconds=1.5), help="for how long", unit="seconds", least=0.1)

    def __post_init__(self) -> None:
        if self.length == 13:
            raise SettingsError(["X_LENGTH and X_RATIO do not go together"])


REQUIRED = {"X_FOLDER": "/data", "X_KEY": "long enough"}


def test_what_is_not_set_has_its_default() -> None:
    config = load(Outer, REQUIRED)
    assert (config.length, config.ratio, config.is_on, config.wait) == (280, 0.5, True, timedelta(seconds=1.5))


def test_values_are_read_by_their_type() -> None:
    config = load(Outer, {**REQUIRED, "X_LENGTH": "140", "X_RATIO": "0.25", "X_ON": "false", "X_WAIT": "0.25"})
    assert config == Outer(
        inner=Inner(folder=Path("/data"), key="long enough"),
        length=140,
        ratio=0.25,
        is_on=False,
        wait=timedelta(milliseconds=250),
    )


def test_all_mistakes_are_told_at_once_with_their_names() -> None:
    environ = {"X_KEY": "tiny", "X_LENGTH": "1e3", "X_RATIO": "much", "X_ON": "yes", "X_WAIT": "nan"}
    with pytest.raises(SettingsError) as raised:
        load(Outer, environ)
    assert raised.value.mistakes == [
        "X_FOLDER is not set: where it is kept",
        "X_KEY: must have at least 5 characters",
        "X_LENGTH='1e3': must be a whole number",
        "X_RATIO='much': must be a number",
        "X_ON='yes': must be true or false",
        "X_WAIT='nan': must be a finite number",
    ]


@pytest.mark.parametrize(("text", "mistake"), [("0", "at least 1"), ("1001", "at most 1000"), ("-5", "at least 1")])
def test_numbers_out_of_bounds_are_mistakes(text: str, mistake: str) -> None:
    with pytest.raises(SettingsError, match=f"X_LENGTH='{text}': must be {mistake}"):
        load(Outer, {**REQUIRED, "X_LENGTH": text})


@pytest.mark.parametrize("text", ["1_000", " 12", "١٢", "+5", "9" * 5000, "0x10"])
def test_odd_spellings_of_numbers_are_mistakes(text: str) -> None:
    with pytest.raises(SettingsError, match="must be a whole number"):
        load(Outer, {**REQUIRED, "X_LENGTH": text})


def test_a_duration_has_bounds_in_seconds() -> None:
    with pytest.raises(SettingsError, match=r"X_WAIT='0\.01': must be at least 0\.1"):
        load(Outer, {**REQUIRED, "X_WAIT": "0.01"})


def test_a_secret_is_neither_in_a_mistake_nor_in_the_config_as_text() -> None:
    with pytest.raises(SettingsError) as raised:
        load(Outer, {**REQUIRED, "X_KEY": "tiny"})
    assert "tiny" not in str(raised.value)
    assert "long enough" not in repr(load(Outer, REQUIRED))


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(Outer, {**REQUIRED, "X_LENGTH": ""}).length == 280
    with pytest.raises(SettingsError, match="X_FOLDER is not set"):
        load(Outer, {**REQUIRED, "X_FOLDER": ""})


def test_settings_that_do_not_go_together_are_a_mistake() -> None:
    with pytest.raises(SettingsError, match="do not go together"):
        load(Outer, {**REQUIRED, "X_LENGTH": "13"})


def test_the_table_has_every_setting_with_unit_and_default() -> None:
    assert describe(Outer) == [
        SettingRow("X_FOLDER", "", "", "where it is kept", is_required=True),
        SettingRow("X_KEY", "", "", "signs", is_required=True),
        SettingRow("X_LENGTH", "280", "code points", "longest text", is_required=False),
        SettingRow("X_RATIO", "0.5", "", "a share", is_required=False),
        SettingRow("X_ON", "true", "", "whether", is_required=False),
        SettingRow("X_WAIT", "1.5", "seconds", "for how long", is_required=False),
    ]
