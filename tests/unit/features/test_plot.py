"""The page, as text: what it draws, what it leaves out, and that nothing in the data can run or load."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from sentiscore import features
from sentiscore.errors import InputError, MissingExtraError
from sentiscore.features.plot import needed_columns

MONDAY = date(2024, 1, 1)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def frame(*rows: tuple[Any, int, int, float | None], **columns: list[Any]) -> pl.DataFrame:
    """Daily features of (entity, day, documents, mean)."""
    made = pl.DataFrame(rows, schema=["unique_id", "day", "n_docs", "sent_mean"], orient="row")
    return made.select(
        "unique_id",
        ds=pl.lit(MONDAY) + pl.duration(days="day"),
        n_docs=pl.col("n_docs").cast(pl.Int64),
        sent_mean=pl.col("sent_mean").cast(pl.Float64),
        **{name: pl.Series(values, strict=False) for name, values in columns.items()},
    )


@pytest.fixture
def daily() -> pl.DataFrame:
    """Two entities over five sessions, one of them without news in the middle, the other with none at all."""
    return frame(
        ("AAA", 0, 2, 0.5),
        ("AAA", 1, 0, None),
        ("AAA", 2, 1, -0.25),
        ("AAA", 3, 3, 0.123456),
        ("BBB", 1, 0, None),
        ("BBB", 2, 0, None),
        sent_std=[0.1, None, None, 0.2, None, None],
        sent_decay_3=[0.5, 0.5, 0.2, 0.15, None, None],
        sent_decay_9=[0.5, 0.5, 0.3, 0.25, None, None],
        session_idx=[0, 1, 2, 3, 1, 2],
    )


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def own_part(page: str) -> str:
    """The page without the library."""
    library, _ = SCRIPT.findall(page)
    return page.replace(library, "")


def test_a_session_without_news_is_a_gap_in_the_line_and_no_neighbour_fills_it(daily: pl.DataFrame) -> None:
    data = data_of(features.plot(daily))
    assert data["dates"] == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    assert data["entities"][0] == {
        "name": "AAA",
        "start": 0,
        "n": [2, 0, 1, 3],
        "y": [0.5, None, -0.25, 0.1235],
        "sd": [0.1, None, None, 0.2],
        "decay": [0.5, 0.5, 0.2, 0.15],
    }
    assert (data["decay"], data["band"], data["weekends"]) == ("sent_decay_3", True, False)


def test_an_entity_without_documents_has_its_sessions_and_no_values(daily: pl.DataFrame) -> None:
    data = data_of(features.plot(daily))
    assert data["entities"][1] == {"name": "BBB", "start": 1, "n": [0, 0], "y": [None, None]}


@pytest.mark.parametrize(
    ("column", "title", "scale"),
    [
        ("sent_mean", "Mean sentiment", [-1, 1]),
        ("pos_share", "Share of positive texts", [0, 1]),
        ("sent_z_20", "Standardised sentiment (sent_z_20)", None),
        ("abnormal_volume_20", "Abnormal volume (abnormal_volume_20)", None),
        ("tone_mean", "Mean tone", None),
        ("tone_decay_5", "Decayed mean tone (tone_decay_5)", None),
        ("my_own", "my_own", None),
    ],
)
def test_columns_are_called_by_their_meaning_and_have_the_axis_of_their_range(
    daily: pl.DataFrame, column: str, title: str, scale: list[int] | None
) -> None:
    data = data_of(features.plot(daily.with_columns(pl.lit(0.5).alias(column)), column=column))
    assert data["column"] == {"name": column, "title": title, "range": scale}


def test_the_table_and_the_summary_count_sessions_and_documents(daily: pl.DataFrame) -> None:
    page = features.plot(daily)
    assert "2 entities from 2024-01-01 to 2024-01-04: 6 documents. Of 6 entity-sessions, 50.0 % have no news." in page
    assert "<td>6</td><td>4</td><td>25.0 %</td><td>2024-01-01</td><td>2024-01-04</td>" in page
    assert "<td>0</td><td>2</td><td>100.0 %</td><td>2024-01-02</td><td>2024-01-03</td>" in page
    assert "not on this page" not in page


def test_tone_is_drawn_with_its_own_deviation_and_decayed_mean(daily: pl.DataFrame) -> None:
    toned = daily.with_columns(
        pl.col("sent_mean").alias("tone_mean") * 4,
        pl.col("sent_std").alias("tone_std") * 2,
        pl.col("sent_decay_9").alias("tone_decay_9"),
    )
    data = data_of(features.plot(toned, column="tone_mean"))
    assert data["entities"][0]["y"] == [2.0, None, -1.0, 0.4938]
    assert data["entities"][0]["sd"] == [0.2, None, None, 0.4]
    assert data["entities"][0]["decay"] == [0.5, 0.5, 0.3, 0.25]
    assert (data["decay"], data["band"]) == ("tone_decay_9", True)


@pytest.mark.parametrize("column", ["sent_mean", "sent_shrunk", "disagreement", "sent_z_20", "tone_mean"])
def test_values_that_were_filled_in_are_told_from_measured_ones(daily: pl.DataFrame, column: str) -> None:
    filled = daily.with_columns(pl.col("sent_mean").fill_null(0).alias(column))
    data = data_of(features.plot(filled, column=column))
    assert data["entities"][0]["y"] == [0.5, None, -0.25, 0.1235]
    assert data["entities"][0]["filled"] == [None, 0.0, None, None]


def test_a_column_that_lives_on_without_news_is_drawn_as_it_is(daily: pl.DataFrame) -> None:
    data = data_of(features.plot(daily, column="sent_decay_9"))
    assert data["entities"][0]["y"] == [0.5, 0.5, 0.3, 0.25]
    assert "filled" not in data["entities"][0]
    assert data["column"] == {"name": "sent_decay_9", "title": "Decayed mean (sent_decay_9)", "range": [-1, 1]}
    assert (data["decay"], data["band"]) == (None, False)


@pytest.mark.parametrize("counted", [True, False])
def test_rows_that_the_frame_lacks_are_gaps_too(counted: bool) -> None:
    rows = frame(
        ("AAA", 0, 1, 0.1), ("AAA", 1, 1, 0.2), ("AAA", 9, 1, 0.3), ("BBB", 0, 1, 0.4), ("BBB", 9, 1, 0.5),
        session_idx=[0, 1, 7, 0, 7],
    )  # fmt: skip
    data = data_of(features.plot(rows if counted else rows.drop("session_idx")))
    blank = ["2024-01-03"] if counted else []
    assert data["dates"] == ["2024-01-01", "2024-01-02", *blank, "2024-01-10"]
    assert data["entities"][0]["y"] == [0.1, 0.2, *([None] * counted), 0.3]
    assert data["entities"][1]["n"] == [1, None, *([None] * counted), 1]


def test_infinite_and_undefined_values_are_not_drawn(daily: pl.DataFrame) -> None:
    odd = daily.with_columns(sent_z_5=pl.Series([float("inf"), float("nan"), -1.5, None, None, None]))
    assert data_of(features.plot(odd, column="sent_z_5"))["entities"][0]["y"] == [None, None, -1.5, None]


def test_the_instant_from_which_a_session_is_known_is_told_in_utc(daily: pl.DataFrame) -> None:
    zone = "America/New_York"
    known = [datetime(2024, 1, 1, 21, tzinfo=UTC) + timedelta(days=i) for i in (0, 1, 2, 3, 1, 2)]
    frames = [
        daily.with_columns(available_at=pl.Series(known, dtype=pl.Datetime("us", "UTC"))),
        daily.with_columns(available_at=pl.Series(known, dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)),
        daily.with_columns(available_at=pl.Series([f"{t:%Y-%m-%dT%H:%M:%S}.000000+0000" for t in known])),
    ]
    for made in frames:
        assert data_of(features.plot(made))["known"][:2] == ["2024-01-01 21:00", "2024-01-02 21:00"]
    naive = daily.with_columns(available_at=pl.Series(known).dt.replace_time_zone(None))
    assert data_of(features.plot(naive))["known"] == [None] * 4


def test_only_the_entities_with_most_documents_are_drawn_and_the_page_says_what_is_left_out() -> None:
    many = frame(*((f"T{i:03}", 0, i, 0.1 if i else None) for i in range(150)))
    page = features.plot(many)
    assert [entity["name"] for entity in data_of(page)["entities"]] == [f"T{i:03}" for i in range(50, 150)]
    assert "50 entities more, with 1,225 documents, are not on this page" in page
    assert len(data_of(features.plot(many, limit=1000))["entities"]) == 150
    assert len(data_of(features.plot(many, limit=7))["entities"]) == 7


def test_entities_can_be_chosen_by_name_or_number(daily: pl.DataFrame) -> None:
    assert [e["name"] for e in data_of(features.plot(daily, entities=["BBB", "BBB"]))["entities"]] == ["BBB"]
    numbers = frame((10, 0, 1, 0.1), (9, 0, 1, 0.2), (8, 0, 1, 0.3))
    for wanted in ([10, 9], ["9", "10"]):
        page = features.plot(numbers, entities=wanted)
        assert [entity["name"] for entity in data_of(page)["entities"]] == ["9", "10"]  # numbers sort as numbers


@pytest.mark.parametrize(
    "unique_id",
    [
        pl.Series([1, 1, 1, 1, 2, 2], dtype=pl.Int64),
        pl.Series(list("aaaabb"), dtype=pl.Categorical),
        pl.Series([True] * 4 + [False] * 2),
        pl.Series([0.5] * 4 + [1.5] * 2),
    ],
)
def test_any_kind_of_entity_can_be_drawn(daily: pl.DataFrame, unique_id: pl.Series) -> None:
    data = data_of(features.plot(daily.with_columns(unique_id=unique_id)))
    assert sorted(len(entity["n"]) for entity in data["entities"]) == [2, 4]


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_names_and_titles_are_shown_and_never_run() -> None:
    page = features.plot(frame((HOSTILE, 0, 1, 0.1), ("'\"&<!--", 0, 1, 0.2)), title=HOSTILE)
    assert page.count("<script") == 3  # the data, plotly.js, and what draws
    assert "<script>alert" not in page
    assert "<img" not in own_part(page)
    assert own_part(page).count("&lt;/script&gt;&lt;script&gt;alert(1)") == 3  # title, heading and table
    assert {entity["name"] for entity in data_of(page)["entities"]} == {HOSTILE, "'\"&<!--"}


def test_a_column_with_a_hostile_name_is_data_too(daily: pl.DataFrame) -> None:
    page = features.plot(daily.with_columns(pl.lit(0.5).alias(HOSTILE)), column=HOSTILE)
    assert data_of(page)["column"]["title"] == HOSTILE
    assert "<script>alert" not in page


def test_the_page_holds_all_it_needs_and_forbids_every_request(daily: pl.DataFrame) -> None:
    page = features.plot(daily)
    rest = own_part(page)
    assert re.findall(r"https?:", rest) == []
    assert re.findall(r"""(?:src|href)\s*=\s*["']?([^"'> ]+)""", rest) == ["data:,"]
    assert "@import" not in rest
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"  # and so connect-src, frame-src, font-src ...
    assert rules["img-src"] == "data: blob:"
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in SCRIPT.findall(page)]
    assert rules["script-src"] == " ".join(f"'sha256-{text}'" for text in hashes)
    assert len(hashes) == 2


def test_plotly_is_not_let_to_offer_sending_the_data_away(daily: pl.DataFrame) -> None:
    script = SCRIPT.findall(features.plot(daily))[1]
    assert "showSendToCloud: false" in script
    assert 'plotlyServerURL: ""' in script


def test_the_same_frame_in_another_order_gives_the_same_page(daily: pl.DataFrame) -> None:
    assert features.plot(daily.reverse()) == features.plot(daily)


def test_one_session_is_enough() -> None:
    page = features.plot(frame(("AAA", 0, 1, 0.1)))
    assert data_of(page)["entities"] == [{"name": "AAA", "start": 0, "n": [1], "y": [0.1]}]
    assert "1 entity from 2024-01-01 to 2024-01-01: 1 document." in page


def test_a_session_on_a_weekend_keeps_weekends_on_the_axis() -> None:
    assert data_of(features.plot(frame(("AAA", 4, 1, 0.1), ("AAA", 5, 1, 0.1))))["weekends"] is True


def test_only_what_is_drawn_is_read() -> None:
    names = ["unique_id", "ds", "available_at", "n_docs", "sent_mean", "sent_std", "pos_share", "sent_decay_5"]
    assert needed_columns(names, "sent_mean") == [*names[:6], "sent_decay_5"]
    assert needed_columns([*names, "tone_mean", "tone_std"], "tone_mean") == [*names[:4], "tone_mean", "tone_std"]
    assert needed_columns(names, "pos_share") == ["unique_id", "ds", "available_at", "n_docs", "pos_share"]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: d.drop("n_docs"), {}, r"not a table of daily features: it lacks n_docs.\nMake daily features with"),
        (lambda d: d, {"column": "mood"}, r"no column 'mood'.*\n.*one of: sent_mean, sent_std, sent_decay_3"),
        (lambda d: d, {"column": "ds"}, "no column 'ds' of values"),
        (lambda d: d.head(0), {}, "no rows"),
        (lambda d: d.with_columns(sent_mean=pl.lit("good")), {}, "'sent_mean' holds String.*as numbers"),
        (lambda d: d.with_columns(when=pl.col("ds")), {"column": "when"}, "'when' holds Date.*as numbers"),
        (lambda d: d.with_columns(ds=pl.lit("soon")), {}, "'ds' holds String.*as dates"),
        (lambda d: d.with_columns(unique_id=pl.concat_list("unique_id")), {}, "'unique_id' holds List.*as names"),
        (lambda d: d.with_columns(unique_id=pl.lit(None, pl.String)), {}, "no entity"),
        (lambda d: pl.concat([d, d.head(1)]), {}, "1 row of an entity and a date that are there already"),
        (lambda d: d, {"entities": ["aaa"]}, r"no entity 'aaa' among the 2.*\nNear to it: AAA."),
        (lambda d: d, {"entities": ["zzz"]}, r"no entity 'zzz'.*\nThere are AAA, BBB."),
        (lambda d: d, {"entities": []}, "No entity was named"),
        (lambda d: d, {"limit": 0}, "The limit is 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(
    daily: pl.DataFrame, change: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        features.plot(change(daily), **options)


def test_without_plotly_the_message_says_what_to_install(daily: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match=r"sentiscore\[plots\]"):
        features.plot(daily)


def test_a_target_is_drawn_for_each_entity_or_one_for_all(daily: pl.DataFrame) -> None:
    prices = pl.DataFrame(
        {"unique_id": ["AAA", "AAA"], "ds": [MONDAY, MONDAY + timedelta(days=3)], "close": [10.0, 12.5]}
    )
    data = data_of(features.plot(daily, target=prices))
    assert data["target"] == "close"
    assert [entity.get("target") for entity in data["entities"]] == [[10.0, None, None, 12.5], None]
    index = prices.select(pl.col("ds").cast(pl.String), level=pl.Series(["1", "2"]))
    data = data_of(features.plot(daily, target=index, target_col="level"))
    assert [entity.get("target") for entity in data["entities"]] == [[1.0, None, None, 2.0], None]


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        (lambda prices: prices.drop("ds"), None, "no column 'ds'"),
        (lambda prices: prices.with_columns(volume=1), None, "2 columns that could be drawn: close, volume"),
        (lambda prices: prices.drop("close"), None, "0 columns that could be drawn"),
        (lambda prices: prices, "Close", "no column 'Close'"),
        (lambda prices: prices.with_columns(close=pl.lit("high")), None, "not a column of numbers"),
        (lambda prices: pl.concat([prices, prices]), None, "two values for the same date"),
    ],
)
def test_a_target_that_cannot_be_drawn_is_refused(
    daily: pl.DataFrame, change: Callable[[pl.DataFrame], pl.DataFrame], column: str | None, words: str
) -> None:
    prices = pl.DataFrame({"unique_id": ["AAA"], "ds": [MONDAY], "close": [10.0]})
    with pytest.raises(InputError, match=words):
        features.plot(daily, target=change(prices), target_col=column)
