"""The types of ndjson, inferred from a few lines, are those that all lines together give."""

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.tables.ndjson_reader import look_at_ndjson
from tests.effort import examples

SCALARS = st.sampled_from([None, True, 1, 2**40, 0.5, "a", "b"])
KEYS = st.sampled_from("xyz")
LISTS = st.lists(SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(KEYS, SCALARS, max_size=3), max_size=3)
ROWS = st.fixed_dictionaries(
    {}, optional={"a": SCALARS, "b": SCALARS, "s": st.dictionaries(KEYS, SCALARS, max_size=3), "l": LISTS}
)


@given(rows=st.lists(ROWS, min_size=1, max_size=12))
@example(rows=[{"s": {"x": None, "y": None, "z": None}}, {"a": None, "s": {"x": None, "z": None, "y": None}}])
@example(rows=[{"a": None}, {"s": {"x": 1, "y": None}, "l": [[1, None]]}, {"l": [[1]], "s": {"y": None, "x": None}}])
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_types_from_a_few_lines_are_those_from_all(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    data = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path / "t.ndjson"
    path.write_text(data)
    try:
        expected = pl.scan_ndjson(io.BytesIO(data.encode()), infer_schema_length=None).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        expected = None
    try:
        found = look_at_ndjson(path)[0]
    except InputError:
        found = None
    assert in_any_order(found) == in_any_order(expected or None)


def in_any_order(types: Any) -> Any:
    """Types in which the fields of a struct have no order, as the keys of an object in JSON have none."""
    if isinstance(types, pl.Schema):
        return [(name, in_any_order(one)) for name, one in types.items()]
    if isinstance(types, pl.Struct):
        return {field.name: in_any_order(field.dtype) for field in types.fields}
    if isinstance(types, pl.List):
        return ("list", in_any_order(types.inner))
    return types
