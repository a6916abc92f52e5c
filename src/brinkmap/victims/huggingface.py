"""Hugging Face classifiers of pictures, sound and clips, from a folder on this machine.

Only safetensors are loaded, only classes of the installed `transformers` are used (`trust_remote_code=False`), and
nothing is fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, final

import torch
import transformers
from torch import Tensor, nn
from transformers.models.auto import modeling_auto

from brinkmap.errors import InputError
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.huggingface_folder import ModelFolder
from brinkmap.victims.huggingface_scaling import Scaling, check_sizes, frame_size, scaling_of
from brinkmap.victims.torch_adapter import torch_function

__all__ = ["Scores", "huggingface_victim"]

UNSTATED = Scaling(mean=(0.0,), std=(1.0,))
HEARD = (-1.0, 1.0)
"""The bounds of sound, as every audio format is read."""
OFFLINE = {"local_files_only": True, "trust_remote_code": False}


@final
class Scores(nn.Module):
    """A transformers model as a module from samples to the scores of its classes."""

    def __init__(self, model: Any, before: Callable[[Tensor], dict[str, Tensor]]) -> None:
        super().__init__()
        self.model = model
        self.before = before

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits for samples (n, c, *extent)."""
        return cast("Tensor", self.model(**self.before(samples)).logits)


def huggingface_victim(path: str | Path, **stated: Any) -> FunctionVictim:
    """The classifier in a folder that `save_pretrained` has written.

    Pictures are (c, height, width) and clips (c, time, height, width), on 0..1, of the size that the folder's
    preprocessor makes; sound is (1, time) on -1..1, of any length, at the victim's `rate_hz`. Nothing is resized or
    resampled. Scores are the model's logits, in float32.

    Args:
        path: the folder: config.json, model.safetensors and preprocessor_config.json.
        stated: bounds, mean, std, outputs, unit or rate_hz, which go before what the folder says.

    Raises:
        InputError: no model in it, one of another kind, weights that are pickled or do not fit, or a preprocessor that
            is missing or not known here.
    """
    folder = ModelFolder(Path(path))
    kind, name = _kind_and_class(folder)
    if folder.config.get("problem_type") == "multi_label_classification":
        raise InputError(
            f"victim {str(folder.path)!r}: it tells which of several labels hold at once, and a victim chooses one. "
            "Wrap one label's score yourself and give path/to/file.py:factory."
        )
    model = _model(folder, name)
    told = KINDS[kind][1](folder, model, stated)
    return FunctionVictim(
        torch_function(Scores(model, told.pop("before"))), classes=int(model.config.num_labels),
        class_names=_class_names(model.config), name=folder.path.resolve().name, **(told | stated),
    )  # fmt: skip


def _kind_and_class(folder: ModelFolder) -> tuple[str, str]:
    """image, audio or video, and the class that the folder's model is of."""
    where, said = str(folder.path), folder.config.get("architectures") or []
    named = said[0] if isinstance(said, list) and said and isinstance(said[0], str) else ""
    model_type = str(folder.config.get("model_type", ""))
    for kind, (classes, _) in KINDS.items():
        own = classes.get(model_type, ())
        own = (own,) if isinstance(own, str) else own
        if own and (named in own or not named):
            return kind, named or own[0]
    what = named or model_type or "a model of no stated type"
    raise InputError(
        f"victim {where!r}: expected a classifier of pictures, sound or clips that transformers "
        f"{transformers.__version__} knows, got {what[:80]!r}. Wrap other models yourself: path/to/file.py:factory."
    )


def _model(folder: ModelFolder, name: str) -> Any:
    where = str(folder.path.resolve())
    folder.check_depth()
    check_sizes(folder.config, str(folder.path))
    try:
        with _quiet():
            config = transformers.AutoConfig.from_pretrained(where, **OFFLINE)
            made = getattr(transformers, name)
            with torch.device("meta"):  # shapes without memory
                wanted = made._from_config(config, attn_implementation="eager").state_dict()
            folder.check_tensors({key: tuple(value.shape) for key, value in wanted.items()})
            model, report = made.from_pretrained(
                where, config=config, use_safetensors=True, attn_implementation="eager", output_loading_info=True,
                **OFFLINE,
            )  # fmt: skip
    except InputError:
        raise
    except Exception as error:  # transformers raises OSError, ValueError, KeyError, RuntimeError, ImportError and more
        said = " ".join(str(error).split())[:300]
        raise InputError(f"victim {str(folder.path)!r}: cannot be loaded: {type(error).__name__}: {said}.") from error
    lacking = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
    if lacking:
        raise InputError(
            f"victim {str(folder.path)!r}: the weights lack {', '.join(lacking[:3])}, so it would answer at random. "
            "Save the whole classifier, not its backbone."
        )
    return model.float().eval()


def _picture(folder: ModelFolder, model: Any, stated: dict[str, Any]) -> dict[str, Any]:
    where, wanted = str(folder.path), model.main_input_name
    channels = int(getattr(model.config, "num_channels", 3))
    processor = _processor(folder, stated)
    size = frame_size(processor, model.config, channels, where)
    known = "mean" in stated and "std" in stated
    scaling = UNSTATED if known else scaling_of(processor, channels, size, where)

    def before(samples: Tensor) -> dict[str, Tensor]:
        return {wanted: samples.flip(1) if scaling.reversed_channels else samples}

    return {
        "before": before, "shape": (channels, *size), "mean": scaling.mean, "std": scaling.std, "outputs": "logits"
    }  # fmt: skip


def _clip(folder: ModelFolder, model: Any, stated: dict[str, Any]) -> dict[str, Any]:
    told = _picture(folder, model, stated)
    frames = next(
        (value for name in ("num_frames", "frames_per_clip") if (value := getattr(model.config, name, None))), None
    )
    if frames is None:
        raise InputError(f"victim {str(folder.path)!r}: config.json does not say how many frames a clip has.")
    channels, *size = told["shape"]
    picture = told["before"]

    def before(samples: Tensor) -> dict[str, Tensor]:
        return {name: values.transpose(1, 2) for name, values in picture(samples).items()}  # (n, t, c, h, w) there

    return told | {"before": before, "shape": (channels, int(frames), *size)}


def _sound(folder: ModelFolder, model: Any, stated: dict[str, Any]) -> dict[str, Any]:
    rate_hz = (folder.scaling or {}).get("sampling_rate")
    if not isinstance(rate_hz, int | float) or isinstance(rate_hz, bool) or rate_hz <= 0:
        raise InputError(
            f"victim {str(folder.path)!r}: expected a preprocessor_config.json with a sampling_rate, got {rate_hz!r}. "
            "Save the feature extractor there too: extractor.save_pretrained(folder)."
        )
    try:
        with _quiet():
            extractor = transformers.AutoFeatureExtractor.from_pretrained(str(folder.path.resolve()), **OFFLINE)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"victim {str(folder.path)!r}: its feature extractor cannot be loaded: {said}.") from error

    def before(samples: Tensor) -> dict[str, Tensor]:
        heard = list(samples[:, 0].cpu().numpy())
        features = extractor(heard, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        return {name: values.to(samples.device) for name, values in features.items()}

    return {"before": before, "bounds": HEARD, "rate_hz": float(rate_hz), "outputs": "logits"}


def _processor(folder: ModelFolder, stated: dict[str, Any]) -> Any:
    """The folder's image processor; None where there is none and none is needed."""
    where = str(folder.path)
    if folder.scaling is None:
        if "mean" in stated and "std" in stated:
            return None
        raise InputError(
            f"victim {where!r}: no preprocessor_config.json in it, so how its pictures are scaled is not known. Save "
            "the image processor there too (processor.save_pretrained(folder)), or state mean and std; 0 and 1 if the "
            "model takes 0..1."
        )
    check_sizes(folder.scaling, where)
    try:
        with _quiet():
            return transformers.AutoImageProcessor.from_pretrained(str(folder.path.resolve()), **OFFLINE)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"victim {where!r}: its image processor cannot be loaded: {said}.") from error


def _class_names(config: Any) -> tuple[str, ...] | None:
    """What the labels stand for, or None where the folder has only LABEL_0, LABEL_1 ..."""
    held = config.id2label
    names = tuple(str(held.get(index, "")) for index in range(len(held)))
    return None if all(name in ("", f"LABEL_{index}") for index, name in enumerate(names)) else names


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers: what is wrong is said by the errors above."""
    bars, level = transformers.utils.logging.is_progress_bar_enabled(), transformers.utils.logging.get_verbosity()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()


KINDS: dict[str, tuple[Any, Callable[[ModelFolder, Any, dict[str, Any]], dict[str, Any]]]] = {
    "image": (modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES, _picture),
    "audio": (modeling_auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES, _sound),
    "video": (modeling_auto.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES, _clip),
}
"""For each kind of sample the classes of transformers that read it, by model type, and how they are fed."""
