"""TOML from a stranger: it says what flags say, and no more. (`file.py:factory` in it runs, as on the command line.)"""

import pytest
from hostile import refused_or_read
from hypothesis import given
from hypothesis import strategies as st

from brinkmap.cli.audit_command import toml_defaults
from brinkmap.compare.suite_file import read_suite

READERS = {"audit": toml_defaults, "suite": read_suite}
BROKEN = {
    "nesting": "victim = " + "[" * 100_000,
    "tables": "[" + ".".join("a" * 50_000) + "]",
    "a long number": "budget = " + "9" * 100_000,
    "no text": b"\xff\xfe\x00victim",
    "a null byte": b"victim = 'a\x00b'",
    "twice": "budget = 1\nbudget = 2",
    "nothing": "victim",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_is_no_toml_is_refused(tmp_path, read, content):
    (tmp_path / "a.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert refused_or_read(read, tmp_path / "a.toml") is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget = 99999999999999999999999999", "budget"),
        ("__class__ = 1", "unknown key __class__"),
        ("config = 'other.toml'", "unknown key config"),
        ("victim = ['a', 'b']", "victim"),
        ("victim = {a = 1}", "victim"),
        ("max_l2 = 'inf'", "max_l2"),
        ("budget = true", "budget"),
    ],
)
def test_keys_and_types_are_those_of_the_flags(tmp_path, text, said):
    (tmp_path / "a.toml").write_text(text)
    error = refused_or_read(toml_defaults, tmp_path / "a.toml")
    assert said in str(error) or (error is None and text.startswith("budget = 9"))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    for read in READERS.values():
        refused_or_read(read, path)


VALUES = st.recursive(
    st.integers()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "../x", ""]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["victim", "data", "budget", "patch", "max_l2", "distortions", "out", "mean", "leads", "trace"]
        ),
        VALUES,
        max_size=4,
    )
)
def test_any_value_is_read_or_refused(tmp_path_factory, stated):
    path = tmp_path_factory.getbasetemp() / "values.toml"
    said = {True: "true", False: "false"}
    path.write_text(
        "\n".join(
            f"{key} = {said.get(value, repr(value)) if isinstance(value, bool) else repr(value)}"
            for key, value in stated.items()
        )
        .replace("True", "true")
        .replace("False", "false")
    )
    refused_or_read(toml_defaults, path)
