import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from sentiscore.errors import InputError, SentiscoreError
from sentiscore.tables import labelled
from sentiscore.tables.labelled import LabelledData, load_hub_data, read_labelled

Write = Callable[..., Path]
Columns = dict[str, list[Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text to a file of the test's folder."""

    def put(text: str, name: str = "train.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return put


@pytest.mark.parametrize("name", ["train.tsv", "train.tsv.gz"])
def test_ids_zero_and_one_are_negative_and_positive(write: Write, name: str) -> None:
    data = read_labelled(write("sentence\tlabel\ndull\t0\nwarm\t1\n", name))
    assert data == LabelledData(name, ["dull", "warm"], ["negative", "positive"])
    assert data.classes == ("negative", "positive")


def test_label_names_are_read_in_any_case_beside_ids(write: Write) -> None:
    data = read_labelled(write("sentence\tlabel\na\t Positive \nb\t0\nc\tNEUTRAL\n"))
    assert data.label_names == ["positive", "negative", "neutral"]
    assert data.classes == ("negative", "neutral", "positive")


def test_the_meaning_of_ids_can_be_given(write: Write) -> None:
    path = write("text,y\na,0\nb,1\nc,2\n", "t.csv")
    data = read_labelled(path, text_col="text", label_col="y", labels=["Positive", "neutral", "negative"])
    assert data.label_names == ["positive", "neutral", "negative"]


@pytest.mark.parametrize("ids", [pl.Series([0, 1]), pl.Series([0, 1], dtype=pl.UInt8), pl.Series(["0", "1"])])
def test_ids_may_be_numbers_or_text_in_parquet(tmp_path: Path, ids: pl.Series) -> None:
    pl.DataFrame({"sentence": ["a", "b"], "label": ids}).write_parquet(tmp_path / "t.parquet")
    assert read_labelled(tmp_path / "t.parquet").label_names == ["negative", "positive"]


def test_rows_without_a_text_or_a_label_are_left_out_and_counted(write: Write) -> None:
    data = read_labelled(write('sentence,label\ngood,1\n,1\n"",0\n"  ",0\nbad,\nworse," "\nfine,1\n', "t.csv"))
    assert (data.texts, data.dropped) == (["good", "fine"], 5)


def test_texts_are_kept_as_they_are(write: Write) -> None:
    assert read_labelled(write('sentence,label\n"  two\nlines ",1\n', "t.csv")).texts == ["  two\nlines "]


@pytest.mark.parametrize("text", ["sentence\tlabel\n", "sentence\tlabel\n\t1\n"])
def test_a_table_without_a_whole_row_is_refused(write: Write, text: str) -> None:
    with pytest.raises(InputError, match="no row with both a text and a label"):
        read_labelled(write(text))


def test_a_column_of_nulls_has_no_texts(tmp_path: Path) -> None:
    pl.DataFrame({"sentence": [None, None], "label": [0, 1]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="no row with both"):
        read_labelled(tmp_path / "t.parquet")


def test_a_column_that_is_not_text_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"sentence": [1, 2], "label": [0, 1]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"holds Int64, not text.\n.*--text-col"):
        read_labelled(tmp_path / "t.parquet")


def test_a_missing_column_is_refused_with_those_there_are(write: Write) -> None:
    with pytest.raises(InputError, match="no column 'sentence'; its columns are: text, label"):
        read_labelled(write("text\tlabel\na\t1\n"))


@pytest.mark.parametrize("label", ["2", "-1", "1.5", "mixed", "true"])
def test_an_unknown_label_is_refused_by_name(write: Write, label: str) -> None:
    with pytest.raises(InputError, match=rf"unknown: '{label}'.\n.*"):
        read_labelled(write(f"sentence\tlabel\na\t1\nb\t{label}\n"))


def test_an_id_beyond_the_given_meaning_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="unknown: '2'"):
        read_labelled(write("sentence\tlabel\na\t2\n"), labels=["negative", "positive"])


@pytest.mark.parametrize("labels", [["negative"], ["good", "bad"], ["negative", "positive", "positive"], []])
def test_a_meaning_that_names_no_classes_is_refused(write: Write, labels: list[str]) -> None:
    with pytest.raises(SentiscoreError, match="--labels"):
        read_labelled(write("sentence\tlabel\na\t0\n"), labels=labels)


def test_labels_become_positions_in_any_order_of_the_classes() -> None:
    data = LabelledData("t", ["a", "b", "c"], ["positive", "negative", "positive"])
    ids = data.ids(("positive", "neutral", "negative"))
    assert ids.dtype == np.int64
    assert ids.tolist() == [0, 2, 0]


def test_the_fingerprint_is_a_hash_of_labels_and_texts_in_order() -> None:
    data = LabelledData("t", ["ä", "b"], ["positive", "negative"])
    expected = hashlib.sha256(b"positive\t2\t\xc3\xa4negative\t1\tb").hexdigest()
    assert (data.fingerprint.name, data.fingerprint.rows, data.fingerprint.sha256) == ("t", 2, expected)


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["b", "a"], ["positive", "positive"]),
        (["a", "b"], ["positive", "negative"]),
        (["ab", ""], ["positive", "positive"]),
        (["a", "b", ""], ["positive"] * 3),
    ],
)
def test_other_data_has_another_fingerprint(texts: list[str], labels: list[str]) -> None:
    data = LabelledData("t", ["a", "b"], ["positive", "positive"])
    assert LabelledData("t", texts, labels).fingerprint.sha256 != data.fingerprint.sha256


# --- the hub, without a network ---


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Let the hub answer with something; the list it returns collects what was asked for."""

    def answer(with_what: Any) -> list[Any]:
        asked: list[Any] = []

        def load(name: str, revision: str | None = None) -> Any:
            asked.append((name, revision))
            if isinstance(with_what, Exception):
                raise with_what
            return with_what

        monkeypatch.setattr("datasets.load_dataset", load)
        return asked

    return answer


def splits(names: list[str] | None = None, **rows: Columns) -> Any:
    from datasets import ClassLabel, Dataset, DatasetDict

    found = {split: Dataset.from_dict(columns) for split, columns in rows.items()}
    if names:
        found = {split: data.cast_column("label", ClassLabel(names=names)) for split, data in found.items()}
    return DatasetDict(found)


def test_both_splits_of_a_hub_data_set_are_read_with_the_names_it_gives_its_labels(
    hub: Callable[[Any], list[Any]],
) -> None:
    train: Columns = {"sentence": ["dull", "", "warm"], "label": [1, 0, 0], "idx": [0, 1, 2]}
    asked = hub(splits(["positive", "negative"], train=train, validation={"sentence": ["fine"], "label": [0]}))
    first, second = load_hub_data("some/data", "abc")
    assert first == LabelledData("some/data:train", ["dull", "warm"], ["negative", "positive"], dropped=1)
    assert second.label_names == ["positive"]
    assert asked == [("some/data", "abc")]


def test_hub_labels_without_names_are_ids(hub: Callable[[Any], list[Any]]) -> None:
    rows: Columns = {"sentence": ["dull"], "label": [0]}
    asked = hub(splits(train=rows, validation=rows))
    assert load_hub_data("some/data")[0].label_names == ["negative"]
    assert asked == [("some/data", None)]


def test_a_hub_data_set_without_the_split_or_the_column_is_refused(hub: Callable[[Any], list[Any]]) -> None:
    rows: Columns = {"sentence": ["dull"], "label": [0]}
    hub(splits(train=rows))
    with pytest.raises(InputError, match="no split 'validation'"):
        load_hub_data("some/data")
    hub(splits(train={"text": ["dull"], "label": [0]}, validation=rows))
    with pytest.raises(InputError, match=r"no split 'train' with the columns.*\n.*--train-file"):
        load_hub_data("some/data")


@pytest.mark.parametrize(
    "error", [ConnectionError("no route\nto host"), ValueError("bad name"), FileNotFoundError("x")]
)
def test_a_hub_that_does_not_answer_is_an_input_error_that_names_the_way_around(
    hub: Callable[[Any], list[Any]], error: Exception
) -> None:
    hub(error)
    with pytest.raises(InputError, match=r"the hub did not give it: .*\n.*--train-file"):
        load_hub_data("some/data")


def test_ids_that_a_missing_one_turned_into_fractions_are_ids(write: Write) -> None:
    assert read_labelled(write("sentence\tlabel\na\t1.0\nb\t0.0\nc\t\n")).label_names == ["positive", "negative"]


def test_one_column_cannot_be_text_and_label(write: Write) -> None:
    with pytest.raises(InputError, match="both the text and the label"):
        read_labelled(write("a\tb\n1\t2\n"), text_col="a", label_col="a")


def test_absurdly_many_rows_for_the_bytes_of_a_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    rows = pl.DataFrame({"text": ["up", "down", None] * 20_000, "label": ["positive", "negative", "positive"] * 20_000})
    rows.write_parquet(path)
    found = read_labelled(path, text_col="text")
    assert (len(found.texts), found.dropped) == (40_000, 20_000)
    monkeypatch.setattr(labelled, "LABELLED_ROWS", 30_000)
    with pytest.raises(InputError, match=r"t.parquet has [34]\d,\d+ rows or more in \d,\d+ bytes, to be held at once"):
        read_labelled(path, text_col="text")
    rows.write_csv(tmp_path / "t.csv")
    assert len(read_labelled(tmp_path / "t.csv", text_col="text").texts) == 40_000


def test_the_mention_that_a_label_is_about_is_read_beside_it(write: Write) -> None:
    rows = read_labelled(
        write("sentence\tlabel\twho\nup and down\t1\t Gold \nup\t1\t\ndown\t0\tSilver\n"), target_col="who"
    )
    assert rows.inputs == [("up and down", "Gold"), ("up", None), ("down", "Silver")]
    assert rows.dropped == 0


def test_rows_that_differ_in_the_mention_alone_have_another_fingerprint() -> None:
    mentions: list[list[str | None] | None] = [None, ["Gold"], ["Silver"]]
    hashes = {LabelledData("x", ["up"], ["positive"], mentions=one).fingerprint.sha256 for one in mentions}
    assert len(hashes) == 3
    assert (
        LabelledData("x", ["up"], ["positive"]).fingerprint
        == LabelledData("x", ["up"], ["positive"], mentions=[None]).fingerprint
    )


@pytest.mark.parametrize("other", ["sentence", "label"])
def test_a_column_of_mentions_is_not_another_column_too(write: Write, other: str) -> None:
    with pytest.raises(InputError, match=f"{other!r} cannot be both the .* and the target"):
        read_labelled(write("sentence\tlabel\nup\t1\n"), target_col=other)


def test_mentions_that_are_not_text_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"sentence": ["up"], "label": [1], "who": [3.5]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="holds Float64, not text"):
        read_labelled(tmp_path / "x.parquet", target_col="who")


def test_mentions_may_be_integers(tmp_path: Path) -> None:
    pl.DataFrame({"sentence": ["700 up"], "label": [1], "who": [700]}).write_parquet(tmp_path / "x.parquet")
    assert read_labelled(tmp_path / "x.parquet", target_col="who").mentions == ["700"]


@pytest.mark.parametrize("mention", ["", " "])
def test_a_column_of_mentions_without_any_is_refused(write: Write, mention: str) -> None:
    with pytest.raises(InputError, match=r"No labelled row of .* has a target in the column 'who'"):
        read_labelled(write(f"sentence\tlabel\twho\nup\t1\t{mention}\nnone\t\tGold\n"), target_col="who")
