"""A folder of `save_pretrained` answers through its victim as transformers itself does with its own preprocessor."""

import json
import socket
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from victim_models import softmax

from brinkmap.data import load_data
from brinkmap.errors import InputError, MissingExtra
from brinkmap.testing import check_victim
from brinkmap.victims import load_victim

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

CLASSES = {0: "cat", 1: "dog", 2: "<b>owl</b>"}
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def vit(**more):
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(**TINY, image_size=16, patch_size=4, id2label=CLASSES, **more)
    )


def resnet():
    return transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=CLASSES
        )
    )


def mobilevit():
    return transformers.MobileViTForImageClassification(
        transformers.MobileViTConfig(
            hidden_sizes=[8, 8, 8],
            neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16],
            num_attention_heads=2,
            image_size=32,
            patch_size=2,
            id2label=CLASSES,
        )
    )


def efficientnet():
    return transformers.EfficientNetForImageClassification(
        transformers.EfficientNetConfig(
            image_size=32, width_coefficient=0.25, depth_coefficient=0.1, hidden_dim=320, id2label=CLASSES
        )
    )


def videomae():
    return transformers.VideoMAEForVideoClassification(
        transformers.VideoMAEConfig(**TINY, image_size=16, patch_size=8, num_frames=4, tubelet_size=2, id2label=CLASSES)
    )


def timesformer():
    return transformers.TimesformerForVideoClassification(
        transformers.TimesformerConfig(**TINY, image_size=16, patch_size=8, num_frames=4, id2label=CLASSES)
    )


def vivit():
    return transformers.VivitForVideoClassification(
        transformers.VivitConfig(**TINY, image_size=16, num_frames=4, tubelet_size=[2, 8, 8], id2label=CLASSES)
    )


def wav2vec2():
    return transformers.Wav2Vec2ForSequenceClassification(
        transformers.Wav2Vec2Config(
            **TINY,
            conv_dim=[8, 8],
            conv_kernel=[10, 3],
            conv_stride=[5, 2],
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=8,
            id2label=CLASSES,
        )
    )


def ast():
    return transformers.ASTForAudioClassification(
        transformers.ASTConfig(**TINY, patch_size=8, num_mel_bins=16, max_length=24, id2label=CLASSES)
    )


def pil(name):
    """A processor that needs no torchvision, which is not installed here."""
    return getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)


SIZE = {"height": 16, "width": 16}
BIG = {"height": 32, "width": 32}
UNEVEN = {"image_mean": [0.2, 0.4, 0.6], "image_std": [0.1, 0.2, 0.3]}
SEEN = {
    "vit": (vit, lambda: pil("ViTImageProcessor")(size=SIZE, **UNEVEN), (3, 16, 16)),
    "resnet, cropped": (resnet, lambda: pil("ConvNextImageProcessor")(size={"shortest_edge": 32}), (3, 32, 32)),
    "no normalisation": (vit, lambda: pil("ViTImageProcessor")(size=SIZE, do_normalize=False), (3, 16, 16)),
    "to 255": (vit, lambda: pil("ViTImageProcessor")(size=SIZE, do_rescale=False, **UNEVEN), (3, 16, 16)),
    "blue first": (
        mobilevit, lambda: pil("MobileViTImageProcessor")(size={"shortest_edge": 32}, crop_size=BIG), (3, 32, 32)
    ),
    "normalised twice": (efficientnet, lambda: pil("EfficientNetImageProcessor")(size=BIG, **UNEVEN), (3, 32, 32)),
    "videomae": (
        videomae,
        lambda: transformers.VideoMAEImageProcessor(size={"shortest_edge": 16}, crop_size=SIZE, **UNEVEN),
        (3, 4, 16, 16),
    ),
    "timesformer": (
        timesformer,
        lambda: transformers.VideoMAEImageProcessor(size={"shortest_edge": 16}, crop_size=SIZE),
        (3, 4, 16, 16),
    ),
    "vivit, from -1 to 1": (
        vivit,
        lambda: transformers.VivitImageProcessor(
            size={"shortest_edge": 16}, crop_size=SIZE, rescale_factor=1 / 127.5, **UNEVEN
        ),
        (3, 4, 16, 16),
    ),
}  # fmt: skip
HEARD = {
    "wav2vec2": (wav2vec2, lambda: transformers.Wav2Vec2FeatureExtractor(do_normalize=True, sampling_rate=8000)),
    "ast": (
        ast, lambda: transformers.ASTFeatureExtractor(num_mel_bins=16, max_length=24, sampling_rate=8000)
    ),
}  # fmt: skip


def saved(folder, model, processor):
    torch.manual_seed(0)
    made, ready = model(), processor()
    for weight in made.parameters():  # fresh weights are so small that all samples would get one answer
        if weight.ndim > 1:
            torch.nn.init.xavier_normal_(weight, gain=2.0)
        elif weight.mean().abs() < 0.1 and weight.std() > 0:  # EfficientNet's norms
            torch.nn.init.ones_(weight)
    norms = [one for one in made.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        seen = ready(list(bytes_of((3, 32, 32), n=8)), return_tensors="pt", do_resize=False, do_center_crop=False)
        made.train()(**seen)
    made.eval().save_pretrained(folder)
    ready.save_pretrained(folder)
    return made, ready


def bytes_of(shape, n=3):
    """(n, *extent, c) uint8 for a sample's (c, *extent)."""
    return np.random.default_rng(0).integers(0, 256, (n, *shape[1:], shape[0]), dtype=np.uint8)


@pytest.fixture
def no_network(monkeypatch):
    def refused(*arguments):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.usefixtures("no_network")
class TestSeen:
    @pytest.mark.parametrize(("model", "processor", "shape"), SEEN.values(), ids=SEEN)
    def test_answers_as_transformers_does(self, tmp_path, model, processor, shape):
        made, ready = saved(tmp_path, model, processor)
        samples = bytes_of(shape)
        victim = load_victim(str(tmp_path))
        fed = [list(clip) for clip in samples] if len(shape) == 4 else list(samples)
        with torch.inference_mode():
            direct = made(**ready(fed, return_tensors="pt", do_resize=False, do_center_crop=False)).logits.numpy()
        assert (victim.shape, victim.classes, victim.bounds) == (shape, 3, (0.0, 1.0))
        assert_allclose(victim.predict(samples), softmax(direct), atol=1e-4)
        assert np.ptp(softmax(direct), axis=0).max() > 1e-3

    @pytest.mark.parametrize("kind", ["vit", "resnet, cropped", "videomae", "timesformer"])
    def test_keeps_the_contract(self, tmp_path, kind):
        model, processor, shape = SEEN[kind]
        saved(tmp_path, model, processor)
        check_victim(load_victim(str(tmp_path)), np.random.default_rng(0).random((3, *shape), dtype=np.float32))

    def test_names_its_classes(self, tmp_path):
        saved(tmp_path, *SEEN["vit"][:2])
        assert load_victim(str(tmp_path)).class_names == tuple(CLASSES.values())

    def test_names_that_say_nothing_are_none(self, tmp_path):
        saved(tmp_path, lambda: transformers.ViTForImageClassification(
            transformers.ViTConfig(**TINY, image_size=16, patch_size=4, num_labels=3)
        ), SEEN["vit"][1])  # fmt: skip
        victim = load_victim(str(tmp_path))
        assert (victim.class_names, victim.classes) == (None, 3)

    def test_what_is_stated_goes_first(self, tmp_path):
        saved(tmp_path, *SEEN["vit"][:2])
        sample = np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)
        plain, stated = load_victim(str(tmp_path)), load_victim(str(tmp_path), mean=(0.0,), std=(2.0,))
        assert not np.allclose(plain.predict(sample), stated.predict(sample), atol=1e-3)

    def test_half_precision_weights_answer_in_single(self, tmp_path):
        made, _ = saved(tmp_path, *SEEN["vit"][:2])
        before = load_victim(str(tmp_path)).predict(bytes_of((3, 16, 16)))
        made.half().save_pretrained(tmp_path)
        assert_allclose(load_victim(str(tmp_path)).predict(bytes_of((3, 16, 16))), before, atol=1e-2)

    def test_weights_in_parts(self, tmp_path):
        made, _ = saved(tmp_path, *SEEN["vit"][:2])
        before = load_victim(str(tmp_path)).predict(bytes_of((3, 16, 16)))
        (tmp_path / "model.safetensors").unlink()
        made.save_pretrained(tmp_path, max_shard_size="10KB")
        assert len(list(tmp_path.glob("*.safetensors"))) > 1
        assert_allclose(load_victim(str(tmp_path)).predict(bytes_of((3, 16, 16))), before, atol=1e-6)


@pytest.mark.usefixtures("no_network")
class TestHeard:
    @pytest.mark.parametrize(("model", "extractor"), HEARD.values(), ids=HEARD)
    def test_answers_as_transformers_does(self, tmp_path, model, extractor):
        made, ready = saved(tmp_path, model, extractor)
        sound = np.random.default_rng(0).uniform(-1, 1, (3, 1, 3200)).astype(np.float32)
        victim = load_victim(str(tmp_path))
        with torch.inference_mode():
            fed = ready(list(sound[:, 0]), sampling_rate=8000, return_tensors="pt")
            direct = softmax(made(**fed).logits.numpy())
        assert (victim.bounds, victim.rate_hz, victim.classes) == ((-1.0, 1.0), 8000.0, 3)
        assert_allclose(victim.predict(sound), direct, atol=1e-4)
        check_victim(victim, sound)

    def test_needs_its_feature_extractor(self, tmp_path):
        saved(tmp_path, *HEARD["wav2vec2"])
        (tmp_path / "preprocessor_config.json").unlink()
        with pytest.raises(InputError, match=r"preprocessor_config.json with a sampling_rate, got None"):
            load_victim(str(tmp_path))


def changed(folder, file="config.json", **values):
    told = json.loads((folder / file).read_text()) | values
    (folder / file).write_text(json.dumps({key: value for key, value in told.items() if value is not None}))


def pickled(folder):
    weights = transformers.ViTForImageClassification.from_pretrained(folder).state_dict()
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def headless(folder):
    transformers.ViTModel(transformers.ViTConfig(**TINY, image_size=16, patch_size=4)).save_pretrained(folder)
    changed(folder, architectures=["ViTForImageClassification"])


def text_model(folder):
    transformers.BertForSequenceClassification(transformers.BertConfig(**TINY, vocab_size=9)).save_pretrained(folder)


def index_outside(folder):
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    places = {"weight_map": {"classifier.bias": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(places))


BAD = {
    "no configuration": (lambda f: (f / "config.json").unlink(), r"no config.json in it.*save_pretrained"),
    "pickled": (pickled, r"pickled \(pytorch_model.bin\).*never\s+loaded"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors in it"),
    "truncated": (lambda f: (f / "model.safetensors").write_bytes(b"12345678{"), "model.safetensors cannot be read"),
    "text": (text_model, "expected a classifier of pictures, sound or clips.*'BertForSequenceClassification'"),
    "a backbone": (lambda f: changed(f, architectures=["ViTModel"]), "got 'ViTModel'"),
    "without its head": (headless, r"the weights lack .*classifier.*answer at random"),
    "another width": (lambda f: changed(f, hidden_size=32), "They do not belong together"),
    "a billion layers": (lambda f: changed(f, num_hidden_layers=10**9), "asks for num_hidden_layers=1000000000"),
    "code of its own": (
        lambda f: changed(f, model_type="mine", architectures=["Mine"], auto_map={"AutoConfig": "evil.Mine"}),
        "got 'Mine'",
    ),
    "an adapter": (lambda f: (f / "adapter_config.json").write_text("{}"), "an adapter, not a whole model"),
    "quantised": (lambda f: changed(f, quantization_config={"quant_method": "awq"}), "quantised weights"),
    "several labels": (
        lambda f: changed(f, problem_type="multi_label_classification"), "which of several labels hold at once"
    ),
    "no preprocessor": (lambda f: (f / "preprocessor_config.json").unlink(), "or state mean and std"),
    "an unknown step": (
        lambda f: changed(f, "preprocessor_config.json", image_processor_type="ImageGPTImageProcessor"),
        "ImageGPT|cannot be loaded|its preprocessor fails",
    ),
    "two means": (
        lambda f: changed(f, "preprocessor_config.json", image_mean=[0.5, 0.5]), "its preprocessor fails: ValueError"
    ),
    "negative std": (
        lambda f: changed(f, "preprocessor_config.json", image_std=[-1, 1, 1]), "does more than scale values"
    ),
    "gigabytes": (
        lambda f: changed(f, "preprocessor_config.json", size={"height": 10**6, "width": 10**6}), "up to 4096 pixels"
    ),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json cannot be read"),
    "deep JSON": (lambda f: (f / "config.json").write_text("[" * 10**6), "config.json cannot be read"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "expected an object, got list"),
    "parts outside": (index_outside, "'../outside.safetensors', which is not beside it"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "said"), BAD.values(), ids=BAD)
@pytest.mark.usefixtures("no_network")
def test_bad_folders_say_what_is_wrong_in_one_line(tmp_path, spoil, said):
    folder = tmp_path / "model"
    saved(folder, *SEEN["vit"][:2])
    spoil(folder)
    with pytest.raises(InputError, match=said) as error:
        load_victim(str(folder))
    assert "\n" not in str(error.value)


def test_code_beside_a_known_model_is_not_run(tmp_path):
    saved(tmp_path, *SEEN["vit"][:2])
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass ViTConfig: pass\nclass V: pass\n")
    changed(tmp_path, auto_map={"AutoConfig": "evil.ViTConfig", "AutoModelForImageClassification": "evil.V"})
    assert load_victim(str(tmp_path)).classes == 3
    assert not (tmp_path / "ran").exists()


def test_names_the_missing_extra(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "brinkmap.victims.huggingface", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'brinkmap\[huggingface\]'"):
        load_victim(str(tmp_path))


def test_a_registered_name_goes_before_a_folder(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_victim("digits").classes == 10
    with pytest.raises(InputError, match=r"no config\.json in it"):
        load_victim("./digits")


@pytest.mark.parametrize(
    ("names", "labels", "said"),
    [
        (("dog", "owl", "cat"), [2, 0], ("dog", "owl", "cat")),
        (("dog", "owl"), [0, 1], ("cat", "dog")),
    ],
    ids=["numbered as the model does", "left as they are where a name is unknown"],
)
def test_labels_of_folders_go_by_the_models_names(tmp_path, names, labels, said):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / name / "a.png")
    data = load_data(tmp_path).labelled_as(names)
    assert (data.labels.tolist(), data.class_names) == (labels, said)
    assert load_data("digits", limit=2).labelled_as(names).class_names == tuple("0123456789")
