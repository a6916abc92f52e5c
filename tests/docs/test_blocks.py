"""The checks of pages fail where a page is wrong."""

import pytest
from blocks import ROOT, Block, Reader, blocks_of, check_shell, difference


def shell(code):
    return Block(ROOT / "README.md", 1, "sh", code, None, None)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("brinkmap audit --victim digits --data digits --buget 5", "buget"),
        ("brinkmap adit --victim digits", "adit"),
        ("brinkmap audit --victim digits", "--data"),
        ("make deno", "no target"),
        ("pip install 'brinkmap[torhc]'", "no extra"),
        ("python benchmarks/nothing.py", "no file"),
        ("brinkmapp audit", "no command"),
    ],
)
def test_a_command_that_does_not_exist_is_named(code, message):
    with pytest.raises(AssertionError, match=message):
        check_shell(shell(code))


def test_a_command_that_exists_is_fine():
    check_shell(
        shell("pip install 'brinkmap[onnx]'\nbrinkmap audit --victim m.onnx \\\n    --data d/ && make test  # all")
    )


def test_a_block_knows_its_line_its_reason_and_what_it_prints(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
        "<!-- not run: slow -->\n```sh\nls\n```\nOr\n\n```text\nx\n```\n"
    )
    first, second = blocks_of(page)
    assert (first.line, first.printed, first.not_run) == (3, "1\n", None)
    assert (second.language, second.printed, second.not_run) == ("sh", None, "slow")


@pytest.mark.parametrize(
    ("expected", "got", "fine"),
    [
        ("20 flipped", "20 flipped\n", True),
        ("20 flipped", "22 flipped\n", False),
        ("1,000 queries", "1,010 queries\n", True),
        ("20 flipped", "20 flipped\nand more\n", False),
        ("20 flipped\n...", "20 flipped\nand more\n", True),
        ("...\nlast 3", "a\nb\nlast 3\n", True),
        ("a\n...\nc", "a\nb\nd\n", False),
        ("L2 -0.5", "L2 0.5\n", False),
    ],
)
def test_what_a_page_shows_is_held_to_what_is_printed(expected, got, fine):
    assert (difference(expected, got) is None) is fine


def test_a_reader_keeps_names_and_files_from_block_to_block(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nn = 2\nopen('n.txt', 'w').write('two')\n```\n```sh\ncat n.txt\n```\n\n```text\ntwo\n```\n"
        "```python\nprint(n)\n```\n```text\n3\n```\n"
    )
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    first, second, third = blocks_of(page)
    reader.run(first)
    reader.run(second)
    with pytest.raises(AssertionError, match="does not print '3'"):
        reader.run(third)
