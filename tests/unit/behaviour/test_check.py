"""`check_behaviour` with models of random weights, and with a model that is always right."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import sentiscore
from sentiscore.behaviour.judging import FailedCase, Judgement
from sentiscore.behaviour.report import BehaviourReport, CapabilityResult
from sentiscore.errors import InputError
from sentiscore.scoring.mentions import Targets
from sentiscore.scoring.options import ScorerOptions

OWN = """
[lists]
firm = ["Aram", "Bokor", "Cirel"]

[[capabilities]]
name = "winning"
group = "Mine"
about = "Who wins."
tests = [
    { texts = ["{firm} wins."], expect = ["positive"] },
    { texts = ["{firm} wins."], edits = ["capitals"], within = 2.0 },
]

[[capabilities]]
name = "losing"
hard = true
tests = [{ pairs = [["{firm} wins.", "{firm} loses."]], moves = "down" }]

[[capabilities]]
name = "waiting"
tests = [{ texts = ["{firm} waits."], expect = ["neutral"] }]

[[capabilities]]
name = "one of two"
tests = [{ texts = ["{firm} beats {firm:2}."], target = "{firm:2}", expect = ["negative"] }]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.csv"
    path.write_text("word,label\nwins,positive\nloses,negative\n", encoding="utf-8")
    return path


def test_a_model_stands_beside_a_word_list(tiny_checkpoint: Path, own: Path, words: Path) -> None:
    report = sentiscore.check_behaviour(tiny_checkpoint, suites=[own], shipped=False, baselines=[words])
    assert report.readers == (report.model, "words.csv") == ("tiny", "words.csv")
    assert report.suites == ("own.toml",)
    by_name = {each.name: each for each in report.capabilities}
    assert [(name, each.group, each.hard) for name, each in by_name.items()] == [
        ("winning", "Mine", False),
        ("losing", "own", True),
        ("waiting", "own", False),
        ("one of two", "own", False),
    ]
    model, listed = zip(*(each.judgements for each in report.capabilities), strict=True)
    assert [judgement.cases for judgement in model] == [6, 3, 0, 0]
    assert [judgement.cases for judgement in listed] == [6, 3, 3, 0]
    assert [judgement.failures for judgement in listed] == [0, 0, 0, 0]
    assert model[2].skipped == "3 of 3 cases expect neutral, which it does not know"
    assert model[3].skipped == "6 of 6 cases ask about a target, which it does not read"
    assert report.overall()[1].cases == 9
    assert report.overall(hard=True)[1].cases == 3
    assert [report.overall(kind=kind)[1].cases for kind in ("minimum functionality", "invariance")] == [6, 3]


def test_options_and_a_loaded_scorer_give_the_same_report(tiny_checkpoint: Path, own: Path) -> None:
    scorer = sentiscore.Scorer.from_pretrained(tiny_checkpoint)
    asked = ScorerOptions(model=tiny_checkpoint)
    reports = [sentiscore.check_behaviour(model, suites=[own], shipped=False) for model in (scorer, asked)]
    assert reports[0].to_dict() == reports[1].to_dict()


def test_each_sentence_is_read_once_and_progress_is_told(tiny_checkpoint: Path, own: Path) -> None:
    seen: list[tuple[int, int]] = []
    sentiscore.check_behaviour(
        tiny_checkpoint, suites=[own], shipped=False, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (12, 12)  # three firms that win, in capitals too, lose and wait


def test_the_shipped_suite_is_read_by_a_model_of_three_classes(
    make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    model = make_checkpoint(tmp_path / "three", labels=("negative", "neutral", "positive"))
    report = sentiscore.check_behaviour(model)
    assert report.suites == ("shipped",)
    skipped = {each.name for each in report.capabilities if each.judgements[0].skipped}
    assert skipped == {"who it is about"}
    assert 0 < report.overall()[0].failures < report.overall()[0].cases


def test_a_model_that_reads_targets_is_asked_about_each(
    tiny_targets: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[tuple[str, str | None], None] = {}
    score = sentiscore.Scorer.score_series

    def score_and_note(
        self: sentiscore.Scorer, texts: pl.Series, progress: Callable[[int], None], targets: Targets
    ) -> pl.DataFrame:
        asked.update(dict.fromkeys(zip(texts, targets.values, strict=True)))
        return score(self, texts, progress, targets)

    monkeypatch.setattr(sentiscore.Scorer, "score_series", score_and_note)
    seen: list[tuple[int, int]] = []
    report = sentiscore.check_behaviour(
        tiny_targets, suites=[own], shipped=False, progress=lambda done, total: seen.append((done, total))
    )
    assert report.capabilities[3].judgements[0].cases == 6
    assert {("Aram beats Bokor.", "Bokor"), ("Bokor beats Aram.", "Aram"), ("Aram wins.", None)} <= asked.keys()
    assert seen[-1] == (len(asked), len(asked))


def test_a_name_in_two_suites_is_refused(tiny_checkpoint: Path, own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(OWN, encoding="utf-8")
    with pytest.raises(InputError, match="'winning' is in two suites: own"):
        sentiscore.check_behaviour(tiny_checkpoint, suites=[own, other], shipped=False)
    with pytest.raises(InputError, match="There is no suite to test with"):
        sentiscore.check_behaviour(tiny_checkpoint, shipped=False)


def test_files_of_one_name_are_all_checked(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Path("a/own.toml"), Path("own.toml"), Path("shipped")]
    Path("a").mkdir()
    for at, path in enumerate(paths):
        path.write_text(
            f'capabilities = [{{ name = "{at}", tests = [{{ texts = ["Good."], expect = ["positive"] }}] }}]',
            encoding="utf-8",
        )
    scorer = sentiscore.Scorer.from_pretrained(tiny_checkpoint)
    report = sentiscore.check_behaviour(scorer, suites=[*paths, tmp_path / "own.toml"], shipped=False)
    assert [each.name for each in report.capabilities] == ["0", "1", "2"]
    assert report.suites == (str(paths[0]), "own.toml", "shipped")
    with_shipped = sentiscore.check_behaviour(scorer, suites=["shipped"])
    assert with_shipped.suites == ("shipped", "shipped")
    assert len(with_shipped.capabilities) > 1


def result(name: str, failures: int, *, cases: int = 4, hard: bool = False) -> CapabilityResult:
    example = FailedCase("a <b>", "A & B", "a", "positive", "negative (-0.10)")
    return CapabilityResult(name, "all", "About it.", ("direction",), hard, (Judgement(cases, failures, (example,)),))


def test_what_is_over_a_limit_leaves_hard_ones_out() -> None:
    report = BehaviourReport(
        ("m",), ("s",), (result("a", 1), result("b", 2), result("c", 4, hard=True), result("d", 0, cases=0))
    )
    assert [each.name for each in report.over(0.25)] == ["b"]
    assert [each.name for each in report.over(0.0)] == ["a", "b"]
    assert report.over(1.0) == ()


def test_json_says_everything() -> None:
    report = BehaviourReport(("m",), ("s",), (result("a", 1), result("d", 0, cases=0)))
    said = report.to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    first, second = said["capabilities"]
    assert first["results"][0]["examples"] == [
        {"text": "a <b>", "edited": "A & B", "target": "a", "expected": "positive", "got": "negative (-0.10)"}
    ]
    assert (first["results"][0]["rate"], second["results"][0]["rate"]) == (0.25, None)
    overall = said["overall"][0]
    assert [overall[name] for name in ("reader", "cases", "failures", "rate", "examples")] == ["m", 4, 1, 0.25, []]
    assert list(said["overall_by_kind"]) == ["minimum functionality", "invariance", "direction"]


def test_the_page_escapes_what_it_shows() -> None:
    page = BehaviourReport(("<m>",), ("s",), (result("a", 1), result("d", 0, cases=0, hard=True))).to_html()
    assert "a &lt;b&gt;" in page
    assert "<m>" not in page
    assert "25.0 % <small>[4.6, 69.9]</small>" in page
    assert page.count("<details>") == 2
