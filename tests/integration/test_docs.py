"""What the README, the tutorials and the guides show is run as it stands."""

import gzip
import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

import sentiscore
from tests.conftest import TEXTS
from tests.doc_blocks import LANGUAGES, PAGES, ROOT, RUN, Shell, blocks_of
from tests.effort import THOROUGH, larger

LEFT_OUT: Final = 14
"""Blocks that nothing runs: they install, or need the hub or another environment. A new one has to be counted here."""
PLACEHOLDER: Final = re.compile(r"\bFOLDER(_OR_HUB_ID)?\b")
TABLES: Final = (
    "train", "validation", "reviews", "films", "my_labels", "headlines", "headlines/train", "headlines/validation",
    "headlines/held_out",
)  # fmt: skip
ALWAYS: Final = {"README", "first-features", "update-every-night"}
"""Pages that `make test` runs; `make docs`, which every change has to pass too, runs the others."""
LONG: Final = set() if THOROUGH else {"evaluate-on-your-domains", "tune"}
"""Pages whose blocks of Python compute for minutes: `make docs` leaves them to `make test-all`."""
SMALL: Final = {
    "train": ["--max-steps", "4"],
    "tune": ["--max-steps", "4", "--trials", "2"],
    "evaluate": ["--resamples", "20"],
}
"""Options that `make test` adds to long commands; `make test-all` runs them as they stand."""
WITH_BLOCKS: Final = [page for page in PAGES if any(b.language in RUN and not b.left_out for b in blocks_of(page))]


@pytest.fixture(scope="module")
def models(make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that pages name, all of them tiny; teachers have six layers, of which the guide takes three."""
    folder = tmp_path_factory.mktemp("models")
    base = sentiscore.build_base(
        folder / "base", TEXTS * 4, vocab_size=320, hidden_size=16, layers=6, heads=2,
        intermediate_size=32, max_positions=128,
    )  # fmt: skip
    made = make_checkpoint(folder / "made", base=base)
    for name in ("runs/large", "runs/a", "runs/b", "runs/mine", "downloads/their-model"):
        shutil.copytree(made, folder / name)
    make_checkpoint(folder / "runs" / "targets", base=base, reads_targets=True)
    shutil.copytree(base, folder / "bases" / "minilm-l6")
    return folder


@pytest.fixture
def desk(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with every file that pages read, and it is where the commands run."""
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    news = pl.read_parquet(sentiscore.sample_news()).head(48)
    texts = [f"{text} {i}" for i in range(6) for text in TEXTS[:4]]
    labelled = pl.DataFrame({"text": texts, "label": ["positive", "negative"] * 12})
    for name in ("news", "history", "tonight"):
        news.write_parquet(f"{name}.parquet")
    news.write_csv("news.csv")
    for name in TABLES:
        Path(name).parent.mkdir(exist_ok=True)
        own = pl.col("text") + f" {name}"
        labelled.select("label", text=own, sentence=own, company=pl.lit(name)).write_csv(f"{name}.csv")
    Path("sst2").mkdir()
    for name in ("train", "validation", "other", "sst2/validation"):
        labelled.select(pl.col("text").alias("sentence") + f" {name}", pl.col("label")).write_csv(
            f"{name}.tsv", separator="\t"
        )
    return tmp_path


def more_of_the_readme() -> None:
    """Inputs of forms that the README alone shows."""
    news = pl.read_parquet("news.parquet")
    Path("news").mkdir()
    for part in ("a", "b"):
        Path(f"news/{part}.csv.gz").write_bytes(gzip.compress(news.write_csv().encode()))
    head = "exported by\nthe vendor\n"
    Path("export.csv").write_bytes((head + news.select("headline").write_csv(separator="|")).encode("cp1252"))
    for (ticker,), rows in news.drop_nulls("ticker").group_by("ticker"):
        folder = Path(f"warehouse/news/ticker={ticker}")
        folder.mkdir(parents=True)
        rows.drop("ticker").write_parquet(folder / "part-0.parquet")


def scored(shell: Shell) -> None:
    """Scored rows of tonight, of before and of all, and the daily file."""
    shell.run("sentiscore score news.parquet --text-col headline")
    for name in ("tonight", "history", "all", "late"):
        shutil.copy("news.scored.parquet", f"{name}.scored.parquet")
    shell.run("sentiscore features news.scored.parquet --time-col published_at --entity-col ticker")
    Path("demo").mkdir()
    shutil.copy("news.daily.parquet", "demo")


def stories_of_tonight() -> None:
    """What came after the daily file was last brought up to date."""
    now = pl.lit(datetime.now(UTC)).alias("published_at")
    pl.read_parquet("history.parquet").head(5).with_columns(now).write_parquet("tonight.parquet")


def student_of_a_base() -> None:
    """The student of the page, made of a base in place of a teacher's layers."""
    lines = [line for line in Path("student.toml").read_text().splitlines() if not line.startswith("take_layers")]
    Path("own-base.toml").write_text("\n".join(['base = "bases/minilm-l6"', *lines]).replace("[student]\n", ""))


@larger
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page.stem in ALWAYS else pytest.mark.thorough, id=page.stem)
        for page in WITH_BLOCKS
        if page.stem not in LONG
    ],
)
def test_every_block_of_a_page_runs_as_it_stands(page: Path, desk: Path) -> None:
    blocks = blocks_of(page)
    code = "".join(block.code for block in blocks)
    names: dict[str, Any] = {"__name__": "__main__"}
    with Shell({} if THOROUGH else SMALL) as shell:
        shell.stub("pip")  # extras that it names are looked at below
        if ".scored." in code or ".daily." in code:
            scored(shell)
        if page.stem == "README":
            more_of_the_readme()
        if page.stem == "update-every-night":
            stories_of_tonight()
        for made in ("runs/mine", "runs/targets"):
            if re.search(rf"sentiscore train .*-o {made}", code.replace("\\\n", "")):
                shutil.rmtree(made)
        for block in blocks:
            if block.file:
                Path(block.file).write_text(block.code, encoding="utf-8")
        if page.stem == "distill":
            student_of_a_base()
        for block in blocks:
            if block.language == "sh" and not block.left_out:
                shell.run(PLACEHOLDER.sub("bases/minilm-l6", block.code))
            elif block.language == "python" and not block.left_out:
                exec(compile("\n" * block.line + block.code, str(page), "exec"), names)  # noqa: S102 - the page's own code


def test_every_extra_that_a_page_installs_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {
        extra for found in re.findall(r"install '(?:sentiscore|\.)\[([\w,]+)\]'", pages) for extra in found.split(",")
    }
    assert len(named) > 3
    assert named <= set(extras)


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    reasons = [block.left_out for page in PAGES for block in blocks_of(page) if block.left_out.startswith("not run")]
    assert len(reasons) == LEFT_OUT
    assert min(map(len, reasons)) > len("not run, it")


def test_a_block_that_another_test_runs_names_a_test_that_reads_the_page() -> None:
    for page in PAGES:
        for block in blocks_of(page):
            if block.left_out.startswith("run by "):
                code = (ROOT / block.left_out.removeprefix("run by ")).read_text(encoding="utf-8")
                assert "blocks_of" in code, (page, block)
                assert page.stem in code or page.stem.startswith("forecast-with-"), (page, block)


def test_every_fence_is_a_block_of_a_known_language() -> None:
    for page in PAGES:
        blocks = blocks_of(page)
        assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks), page
        assert {block.language for block in blocks} <= LANGUAGES, page


def test_a_script_whose_command_fails_fails(desk: Path) -> None:
    with Shell() as shell:
        assert shell.run("a=1") == ""
        assert "sentiscore" in shell.run('test "$a" = 1; sentiscore --version > version; cat version')
        with pytest.raises(AssertionError, match="exit code 2 of"):
            shell.run("sentiscore scor news.parquet\ntrue")
