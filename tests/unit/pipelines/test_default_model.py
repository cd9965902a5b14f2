"""The data of the default model is divided so that nothing is chosen or reported on rows that were trained on."""

import itertools
import random
import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import build
import economy
import prepare
from sentiscore import Distillation, Recipe
from tests.unit.pipelines.conftest import PIPELINES

WORDS = st.lists(st.sampled_from(["a", "fine", "dull", "film", "of", "war", "and", "rain"]), min_size=1, max_size=14)

WORDS_OF_THE_ECONOMY = tomllib.loads((PIPELINES / "default_model" / "economy.toml").read_text(encoding="utf-8"))


def labelled(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts, "label": ["positive"] * len(texts)})


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=40, unique=True))
def test_no_phrase_of_a_held_out_sentence_is_trained_on(phrases: list[str]) -> None:
    parts = prepare.divide_films(labelled(phrases))
    held_out = [f" {text} " for text in parts["choose"]["text"]]
    long_phrases = [text for text in parts["train"]["text"] if len(text.split()) > 2]
    assert not any(f" {phrase} " in sentence for phrase in long_phrases for sentence in held_out)
    assert set(parts["sentences"]["text"]) <= set(parts["train"]["text"])


def test_whole_sentences_are_those_that_are_no_part_of_another() -> None:
    assert prepare.whole_sentences(["a fine film", "fine film", "a dull one", "fine"]) == ["a dull one", "a fine film"]


def test_some_long_sentences_are_held_out_and_most_are_not() -> None:
    sentences = [f"this is sentence number {i} of the many in here" for i in range(1000)]
    parts = prepare.divide_films(labelled(sentences))
    assert 50 < parts["choose"].height < 150
    assert parts["choose"].height + parts["train"].height == 1000


@given(st.lists(st.tuples(st.sampled_from(["profit", "loss", "merger"]), st.integers(0, 99)), min_size=1, max_size=60))
def test_headlines_that_differ_in_numbers_and_links_only_stay_together(stories: list[tuple[str, int]]) -> None:
    texts = [f"A {kind} of {n} https://t.co/x{n}" for kind, n in stories]
    parts = prepare.divide_headlines(labelled(texts))
    assert sum(part.height for part in parts.values()) == len(texts)
    for kind, _ in stories:
        assert sum(any(f"A {kind}" in text for text in part["text"]) for part in parts.values()) == 1


def test_half_of_the_texts_to_train_on_lose_their_links() -> None:
    texts = [f"story {chr(97 + i % 26)}{chr(97 + i // 26)} https://t.co/{i}" for i in range(600)]
    train = prepare.divide_headlines(labelled(texts))["train"]
    linked = train["text"].str.contains("https://").mean()
    assert isinstance(linked, float)
    assert 0.4 < linked < 0.6


@pytest.mark.parametrize("name", ["decoder.toml", "teacher.toml", "report.toml"])
def test_the_recipes_of_the_default_model_load(name: str) -> None:
    assert Recipe.read(PIPELINES / "default_model" / name).sets


@pytest.mark.parametrize("name", ["student.toml", "reader.toml", "last.toml", "fast.toml"])
def test_the_students_load(name: str) -> None:
    plan = Distillation.read(PIPELINES / "default_model" / name)
    assert [one.name for one in plan.recipe.sets[:3]] == ["films", "headlines", "tweets"]
    assert set(plan.augmentation.sets) <= {one.name for one in plan.recipe.sets}


@pytest.mark.parametrize("name", ["student.toml", "fast.toml"])
def test_the_students_read_every_set_that_the_teacher_reads(name: str) -> None:
    teacher, student = (
        tomllib.loads((PIPELINES / "default_model" / one).read_text(encoding="utf-8"))["sets"]
        for one in ("teacher.toml", name)
    )
    student = [one for one in student if one["name"] != "targets_differ"]  # rows of another set, once more
    assert [one["name"] for one in student] == [one["name"] for one in teacher]
    assert [one.get("target_col") for one in student] == [one.get("target_col") for one in teacher]
    assert [one.get("validation") for one in student] == [one.get("validation") for one in teacher]


DATA = ["data/sst2", "data/headlines", "data/targets", "data/unlabelled"]


@pytest.mark.parametrize(
    ("there", "options", "message"),
    [
        ([], [], "there is no folder data/sst2"),
        (["data/sst2", "data/headlines"], [], "there is no folder data/targets"),
        (DATA, [], "there is no folder bases/mpnet-base"),
        (["work/soft.parquet"], ["--teacher"], "used without --teacher"),
        (["work/soft-of-new-teacher.parquet"], [], "used with --teacher"),
    ],
)
def test_the_build_says_what_it_lacks_before_it_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there: list[str],
    options: list[str],
    message: str,
) -> None:
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["build.py", "--data", "data", "--bases", "bases", "--work", "work", *options])
    with pytest.raises(SystemExit) as stopped:
        build.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work" / "bases").exists()


@given(st.integers(0, 5_000))
def test_sentences_on_the_economy_are_labelled_by_what_moved_and_which_way(skip: int) -> None:
    text, label = next(itertools.islice(economy.sentences(WORDS_OF_THE_ECONOMY, "train"), skip, None))
    assert label in ("negative", "neutral", "positive")
    assert "{" not in text
    assert text[0].isupper()


def test_a_fall_of_what_is_bad_is_good_news() -> None:
    moves = [
        economy.move(WORDS_OF_THE_ECONOMY, kind, "train", random.Random(seed))  # noqa: S311
        for kind in ("more_is_good", "more_is_bad", "either")
        for seed in range(300)
    ]
    fell = {label for clause, label in moves[300:600] if clause.endswith(" fell")}
    rose = {label for clause, label in moves[:300] if clause.endswith(" rose")}
    assert (fell, rose) == ({"positive"}, {"positive"})
    assert {label for _, label in moves[600:]} == {"neutral"}


def test_the_report_on_the_economy_names_what_the_training_rows_do_not() -> None:
    for names in WORDS_OF_THE_ECONOMY["names"].values():
        train, report = economy.mine(names, "train"), economy.mine(names, "report")
        assert train
        assert report
        assert sorted(train + report) == sorted(names)


@pytest.mark.parametrize(
    ("name", "verb", "expected"),
    [
        ("retail sales", "rises", "rise"),
        ("the number of people with jobs", "is up", "is up"),
        ("orders for durable goods", "was flat", "were flat"),
        ("inflation", "eases", "eases"),
        ("costs", "goes down", "go down"),
        ("stocks", "fell", "fell"),
    ],
)
def test_verbs_agree_with_what_moved(name: str, verb: str, expected: str) -> None:
    assert economy.agreeing(name, verb) == expected


def test_the_build_makes_the_data_then_the_teacher_then_asks_it_of_the_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in [*DATA, "bases/mpnet-base"]:
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(build, "run", lambda _, *command: ran.append(command))
    monkeypatch.setattr(build, "make_start", lambda _: None)
    options = ["--data", "data", "--bases", "bases", "--work", "work", "--teacher"]
    monkeypatch.setattr("sys.argv", ["build.py", *options])
    build.main()
    scripts = [Path(command[1]).name for command in ran if command[1].endswith(".py")]
    assert scripts == [
        "prepare.py",
        "economy.py",
        "templates.py",
        "varied.py",
        "unlabelled.py",
        "draw.py",
    ]
    trained = [command for command in ran if command[1] in ("train", "distill")]
    assert [command[command.index("-o") + 1] for command in trained] == [
        "teacher", "student", "reader", "last", "fast",
    ]  # fmt: skip
    asked = [command for command in trained if "data/pool.parquet" in command]
    assert [command[command.index("-o") + 1] for command in asked] == ["reader", "fast"]
    assert all(command[2] == "teacher" for command in trained[1:])


def test_the_build_passes_over_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in [
        *DATA,
        "bases/mpnet-base",
        "work/data",
        "work/student",
        "work/reader/training",
    ]:
        (tmp_path / folder).mkdir(parents=True)
    for made in ("news_report.csv", *build.SCRIPTS.values(), "pool.parquet", build.DRAWN):
        (tmp_path / "work" / "data" / made).touch()
    (tmp_path / "work" / "student" / "sentiscore.json").touch()
    monkeypatch.chdir(tmp_path)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(build, "run", lambda _, *command: ran.append(command))
    monkeypatch.setattr(build, "make_start", lambda _: None)
    monkeypatch.setattr("sys.argv", ["build.py", "--data", "data", "--bases", "bases", "--work", "work"])
    build.main()
    trained = {command[command.index("-o") + 1]: command for command in ran if command[1] == "distill"}
    assert list(trained) == ["reader", "last", "fast"]
    assert [name for name, command in trained.items() if "--resume" in command] == ["reader"]
    assert not any(command[1].endswith(("unlabelled.py", "draw.py")) for command in ran)
