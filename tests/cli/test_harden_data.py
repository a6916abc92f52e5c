"""`brinkmap harden` on data of any rank and networks of any origin: what the model keeps, and what cannot be."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

for place in ("ecg", "video"):
    sys.path.insert(0, str(Path(__file__).parents[1] / "data" / place))

from ecg_records import annotate, waves, write_wfdb  # noqa: E402
from video_files import save_video  # noqa: E402

from brinkmap.cli import main  # noqa: E402
from brinkmap.victims import load_victim  # noqa: E402
from brinkmap.victims.networks import SmallVGG, save_classifier  # noqa: E402

QUICK = ["--epochs", "1", "--check-every", "1", "--every", "1", "--adversary", "none", "--out", "out"]
POOL = ["--pool", "attack", "--share", "0.2", "--budget", "4", "--max-l2", "1", "--audit", "2"]
BEATS = ["--label-by", "beats", "--before-s", "0.3", "--after-s", "0.34"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def records(folder):
    """Two leads at 100 Hz, a beat a second, each third one ventricular."""
    for name, seed in (("r1", 0), ("r2", 1)):
        header = write_wfdb(folder / "records", name, waves(30, seed=seed))
        annotate(header, np.arange(28) + 1.5, ["NNV"[beat % 3] for beat in range(28)])
    return "records"


@pytest.fixture
def clips(folder):
    for place in range(12):
        (folder / "clips" / "ab"[place % 2]).mkdir(parents=True, exist_ok=True)
        save_video(folder / "clips" / "ab"[place % 2] / f"{place}.mp4", frames=8, size=(16, 16))
    return "clips"


def network(path, shape, classes, **told):
    torch.manual_seed(0)
    save_classifier(SmallVGG(shape, classes, (4, 8), 8, layer_norm=False), Path(path), (-5.0, 5.0), **told)
    return str(path)


def hardened(*flags):
    return main(["harden", *QUICK, *flags])


def audited(*flags):
    return main(["audit", "--victim", "out/model.safetensors", "--limit", "2", "--budget", "3", "--out", "a", *flags])


def test_a_model_of_recordings_says_rate_unit_and_classes_by_itself(records):
    bounds = ["--bounds", "-5", "5", "--no-layer-norm"]
    assert hardened("--data", records, *BEATS, *bounds) == 0
    victim = load_victim("out/model.safetensors")
    assert (victim.rate_hz, victim.unit, victim.bounds, victim.shape) == (100.0, "mV", (-5.0, 5.0), (1, 64))
    assert victim.class_names == ("N", "S", "V", "F", "Q")
    assert audited("--data", records, *BEATS, "--patch", "100ms", "--distortions", "baseline-wander") == 0


def test_a_network_of_signals_is_hardened_in_milliseconds_and_passes_on_what_it_says(records):
    names = ["N", "S", "V", "F", "Q"]
    net = network("net.safetensors", (1, 64), 5, rate_hz=100.0, unit="mV", class_names=names)
    flags = ["--patch", "50ms", "--distortions", "bare-motion", "--baselines", "random"]
    assert hardened("--network", net, "--data", records, *BEATS, *POOL, *flags) == 0
    for path in ("out", "out/baselines/random"):
        victim = load_victim(f"{path}/model.safetensors")
        assert (victim.rate_hz, victim.unit, victim.bounds) == (100.0, "mV", (-5.0, 5.0))
        assert victim.class_names == tuple(names)


@pytest.mark.parametrize("stated", [["--rate-hz", "100", "--unit", "mV"], []], ids=["stated", "not stated"])
def test_arrays_of_signals_have_what_the_flags_say(folder, stated):
    rng = np.random.default_rng(0)
    np.savez("x.npz", x=rng.uniform(size=(20, 1, 64)).astype(np.float32), y=np.resize([0, 1], 20))
    assert hardened("--data", "x.npz", "--no-layer-norm", *stated) == 0
    victim = load_victim("out/model.safetensors")
    assert (victim.rate_hz, victim.unit) == ((100.0, "mV") if stated else (None, ""))


def test_a_folder_of_videos_is_cut_as_the_network_takes_it(clips):
    net = network("net.safetensors", (3, 4, 12, 12), 2)
    assert hardened("--network", net, "--data", clips, "--test-data", clips, *POOL) == 0
    assert load_victim("out/model.safetensors").shape == (3, 4, 12, 12)
    assert audited("--data", clips) == 0


def test_a_folder_of_videos_is_cut_as_the_flags_say(clips):
    assert hardened("--data", clips, "--frames", "4", "--size", "8", "8", "--no-layer-norm") == 0
    victim = load_victim("out/model.safetensors")
    assert (victim.shape, victim.class_names) == ((3, 4, 8, 8), ("a", "b"))


def test_a_shipped_network_goes_on_from_its_weights(folder):
    quick = ["--data", "digits-train", "--limit", "60", "--test-data", "digits"]
    assert hardened("--network", "digits", *quick, "--rate", "1e-9", "--audit", "0") == 0
    assert json.loads((folder / "out" / "summary.json").read_text())["picked"]["natural"]["test"] > 0.9


CODE = """
import torch
import brinkmap

def pair():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), (1, 8, 8)
def victim():
    return brinkmap.wrap(pair()[0], shape=(1, 8, 8))
def scaled():
    return brinkmap.wrap(pair()[0], shape=(1, 8, 8), mean=0.5, std=0.2)
def blind():
    return brinkmap.wrap(lambda batch: batch.reshape(len(batch), -1)[:, :10], shape=(1, 8, 8))
"""


@pytest.mark.parametrize("name", ["pair", "victim"])
def test_what_audit_takes_from_code_harden_takes_too(folder, name):
    (folder / "nets.py").write_text(CODE)
    assert hardened("--network", f"nets.py:{name}", "--data", "digits-train", "--limit", "60", "--audit", "0") == 0


def test_classes_are_numbered_as_the_network_numbers_them(folder, capsys):
    rng = np.random.default_rng(0)
    for name, level in (("dark", 20), ("light", 200)):
        for place in range(10):
            (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
            picture(folder / "photos" / name / f"{place}.png", rng.integers(level, level + 30, (8, 8, 1)))
    assert hardened("--data", "photos", "--no-layer-norm") == 0
    net = network("net.safetensors", (1, 8, 8), 3, class_names=["light", "dim", "dark"])
    assert hardened("--network", net, "--bounds", "0", "1", "--data", "photos", "--out", "named", "--audit", "0") == 0
    assert load_victim("named/model.safetensors").class_names == ("light", "dim", "dark")
    capsys.readouterr()
    net = network("net.safetensors", (1, 8, 8), 2, class_names=["dark", "day"])
    assert hardened("--network", net, "--data", "photos", "--out", "other") == 2
    assert "photos has the class light, and the network knows dark, day" in capsys.readouterr().err


def picture(path, values):
    from PIL import Image

    Image.fromarray(values.astype(np.uint8)[..., 0]).save(path)


def test_a_network_that_numbers_its_classes_otherwise_is_wondered_at(folder, capsys):
    held = {"x": np.zeros((20, 1, 8, 8), np.float32), "y": np.resize([0, 1], 20)}
    np.savez("x.npz", **held)
    third = "def third():\n    net = pair()[0]\n    net[1].bias.data[2] = 9\n    return net\n"
    (folder / "nets.py").write_text(CODE + third)
    assert hardened("--network", "nets.py:third", "--data", "x.npz", "--audit", "0") == 0
    assert "before training the network has 0.0% right, fewer than a guess would" in capsys.readouterr().err


GRADIENTLESS = "answers and gives no gradients, so it cannot be trained here. Write modified samples as files with"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--network", "model.onnx"], f"network: model.onnx {GRADIENTLESS}"),
        (["--network", "http://host/v2/models/m"], "`brinkmap audit --victim http://host/v2/models/m --export npy`"),
        (["--network", "service.toml"], "or give path/to/file.py:factory of the torch module"),
        (["--network", "."], f"network: . {GRADIENTLESS}"),
        (["--network", "nets.py:blind"], "only a torch module can be trained here"),
        (["--network", "nets.py:scaled"], "training needs logits of samples on 0..1"),
        (["--network", "ecg-rhythms"], "it takes samples of shape (1, 3000), got (1, 8, 8)"),
        (["--limit", "9"], "samples: 9 are too few to train on and pick by. Give 10 at least"),
        (["--data", "lone.npz"], "is left to train on once a share is set apart"),
        (["--data", "gap.npz"], "has no sample of class 1 of 0 to 2, which small-vgg is to learn"),
        (["--data", "eleven.npz", "--network", "digits"], "has the label 10, and the network knows 10 classes"),
        (["--test-data", "eleven.npz"], "eleven.npz has the label 10, and the network knows 10 classes, from 0 to 9"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_one_line(folder, capsys, flags, said):
    (folder / "nets.py").write_text(CODE)
    x = np.zeros((24, 1, 8, 8), np.float32)
    np.savez("gap.npz", x=x, y=np.resize([0, 2], 24))
    np.savez("lone.npz", x=x, y=np.arange(24))
    np.savez("eleven.npz", x=x, y=np.resize(np.arange(11), 24))
    assert hardened("--data", "digits-train", *flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (folder / "out").exists()
