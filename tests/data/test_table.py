import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sample_files import pixels, save_image, table

from brinkmap.data import load_data
from brinkmap.errors import InputError


@pytest.mark.parametrize(
    ("labels", "expected", "class_names"),
    [((7, 3, 7), [7, 3, 7], None), (("ox", "ant", "ox"), [1, 0, 1], ("ant", "ox"))],
    ids=["integers", "names"],
)
def test_a_csv_lists_files_and_labels(tmp_path, labels, expected, class_names):
    files = ["one.png", "sub/two.png", "three.png"]
    images = [save_image(tmp_path / file, pixels(seed)) for seed, file in enumerate(files)]
    rows = "".join(f"{file},x,{label}\n" for file, label in zip(files, labels, strict=True))
    data = load_data(table(tmp_path, "\ufefffile,other,label\n" + rows))
    assert_array_equal(np.stack(list(data)), images)
    assert_array_equal(data.labels, expected)
    assert (data.class_names, data.names) == (class_names, tuple(files))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got nothing. Add file and label"),
        ("file,class\na.png,1\n", "got file, class. Add label"),
        ("a.png,1\n", "expected a header with the columns file and label"),
        ("file,label\n", "at least one row below the header"),
        ("file,label\na.png,\n", "row 1: expected a file and a label, got 'a.png' and ''"),
        ("file,label\na.png\n", "row 1: expected a file and a label, got 'a.png' and ''"),
        ("file,label\na.png,1\na.png,1.5\n", "label: expected integers in all rows or names in all rows, got '1.5'"),
        ("file,label\na.png,1\na.png,ox\n", "label: expected integers in all rows or names in all rows, got 'ox'"),
        ("file,label\nabsent.png,1\n", "no such file"),
        ('file,label\n"a.png,1\n', "cannot be read as CSV"),
    ],
    ids=repr,
)
def test_a_wrong_csv_is_named(tmp_path, text, message):
    save_image(tmp_path / "a.png", pixels(1))
    with pytest.raises(InputError, match=re.escape(message)):
        load_data(table(tmp_path, text))


def test_a_csv_that_is_no_text_is_named(tmp_path):
    (tmp_path / "d.csv").write_bytes(b"file,label\n\xff\xfe\x00")
    with pytest.raises(InputError, match=r"d\.csv cannot be read as CSV"):
        load_data(tmp_path / "d.csv")
