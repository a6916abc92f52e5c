"""What a sample's own answers can say of a victim's gradient, asked along different directions.

    python benchmarks/directions.py           20 images, five minutes; writes docs/results/directions.md
    python benchmarks/directions.py --quick   3 images; prints only

The truth is linear here: the victim's gradient of the margin at the clean sample, less what lies along the model's.
Answers say what it is along directions drawn from a family; it is then estimated by ridge regression in that family.
Shown is how much of its square lies along the estimate. Images are ones that no row of agent.md has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.fft import dctn, idctn
from torch import Tensor

from agent_makers import trained
from brinkmap.arrays import as_samples
from brinkmap.response.net import ResponseNet
from real_data import cifar_images, cifar_victim, correct, shared_module

RESULT = Path(__file__).resolve().parents[1] / "docs" / "results" / "directions.md"
AGENTS = {"resnet20": "q60000-s0", "resnet4b_adv": "resnet4b_adv-q60000-s0", "cnn_a_mix": "cnn_a_mix-q60000-s0"}
LABELS = {"a network of labels": "labels-s0", "a network of labels, made robust": "robust-labels-s0"}
BEFORE, SMOOTHED = 200, 60
"""Images of agent.md's rows, and those after them by whose gradients smooth directions are drawn."""
ANSWERS = (10, 20, 50, 100, 200)
RIDGE = 1e-3
Family = Callable[[Tensor, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""From an image to ANSWERS[-1] directions (answers, values) and a root of the family's covariance, (rank, values)."""

PAGE = """# What a sample's own answers say of a victim's gradient

Made by `python benchmarks/directions.py`. The margin's gradient at the clean image, less what lies along the agent's
model's, is estimated from answers about directions drawn from a family; mean share of its square that lies along the
estimate, {images} lossless images that no row of agent.md has. Corrections are linear in what the model sees place by
place because of this ([the note](../design/0003-response-agent.md)).

| victim | directions | {answers} answers |
| --- | --- | {rule} |
{rows}
"""


def unit(rows: np.ndarray) -> np.ndarray:
    """Each row (n, values) of length 1."""
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12)


def gradients(net: Callable[[Tensor], Tensor], images: Tensor, own: Tensor, other: Tensor) -> np.ndarray:
    """(n, values) of the lead of one class over another, of length 1."""
    images = images.clone().requires_grad_()
    logits = net(images)
    lead = logits.gather(1, own[:, None]) - logits.gather(1, other[:, None])
    return unit(torch.autograd.grad(lead.sum(), images)[0].flatten(1).numpy())


def along(truths: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(n, 1) how much of each truth (n, values) lies along a direction (n, values) of length 1."""
    lengths: np.ndarray = (truths * given).sum(axis=1, keepdims=True)
    return lengths


def untrained(images: Tensor) -> ResponseNet:
    """A network with random weights and the batch statistics of real images."""
    torch.manual_seed(0)
    net = ResponseNet(3, 2, 10).train()
    with torch.no_grad():
        for _ in range(30):
            net(images)
    return net.eval()


def any_direction(image: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """All values alike."""
    return rng.standard_normal((ANSWERS[-1], image.numel())), np.eye(image.numel())


def smooth(others: np.ndarray) -> Family:
    """With the power spectrum that gradients (n, values) of other images have."""
    power = (dctn(others.reshape(-1, 3, 32, 32), axes=(2, 3), norm="ortho") ** 2).mean(axis=0)

    def family(_: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shaped = np.eye(power.size).reshape(-1, *power.shape) * np.sqrt(power)
        root = idctn(shaped, axes=(2, 3), norm="ortho").reshape(len(shaped), -1)
        return rng.standard_normal((ANSWERS[-1], len(root))) @ root, root

    return family


def seen(net: ResponseNet) -> Family:
    """What moves a network's last features, place by place."""

    def places(image: Tensor) -> Tensor:
        return net.places(image[None]).flatten()

    def family(image: Tensor, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        root = torch.func.jacrev(places, chunk_size=256)(image).flatten(1).detach().double().numpy()
        return rng.standard_normal((ANSWERS[-1], len(root))) @ root, root

    return family


def found(truth: np.ndarray, asked: np.ndarray, root: np.ndarray) -> list[float]:
    """The share of the square of truth (values,) along its estimates, for each number of answers."""
    asked = unit(asked)
    answers, known = asked @ truth, asked @ root.T
    shares = []
    for count in ANSWERS:
        some = known[:count]
        gram = some @ some.T
        dual = np.linalg.solve(gram + RIDGE * np.trace(gram) / count * np.eye(count), answers[:count])
        estimate = (dual @ some) @ root
        cosine = float(estimate @ truth / (np.linalg.norm(estimate) * np.linalg.norm(truth) + 1e-12))
        shares.append(cosine * abs(cosine))
    return shares


def measured(name: str, count: int) -> Iterator[str]:
    """The rows of one victim."""
    x, y = correct(cifar_victim(name), *cifar_images(), BEFORE + SMOOTHED)
    images, own = torch.from_numpy(as_samples(x[BEFORE:])), torch.from_numpy(y[BEFORE:]).long()
    net, model = shared_module("models_cifar").load(name).eval(), trained(AGENTS[name])(0).net
    with torch.no_grad():
        other = net(images).scatter(1, own[:, None], -torch.inf).argmax(dim=1)
    truths, models = gradients(net, images, own, other), gradients(model, images, own, other)
    missing = truths - along(truths, models) * models
    labels = {title: gradients(trained(agent)(0).net, images, own, other) for title, agent in LABELS.items()}
    for title, given in {"the agent's model": models, **labels}.items():
        share = (along(truths, given) ** 2).mean()
        print(name, title, f"{share:.3f}", flush=True)
        yield f"| {name} | the gradient of {title}, no answers | {share:.3f}" + " |" * len(ANSWERS)
    families = {
        "any": any_direction,
        "as smooth as the model's gradients of other images": smooth(models[count:]),
        "places of an untrained network": seen(untrained(images)),
        "places of a network of labels": seen(trained("labels-s0")(0).net),
        "places of the agent's model": seen(model),
    }
    for title, family in families.items():
        each = [found(missing[row], *family(images[row], np.random.default_rng(row))) for row in range(count)]
        shares = " | ".join(f"{share:.3f}" for share in np.mean(each, axis=0))
        print(name, title, shares, flush=True)
        yield f"| {name} | {title} | {shares} |"


def main() -> None:
    """Measure, and write the page."""
    quick = "--quick" in sys.argv
    count = 3 if quick else 20
    rows = "\n".join(row for name in AGENTS for row in measured(name, count))
    page = PAGE.format(
        images=count, answers=" | ".join(map(str, ANSWERS)), rule=" | ".join(["---"] * len(ANSWERS)), rows=rows
    )
    print(page)
    if not quick:
        RESULT.write_text(page)


if __name__ == "__main__":
    main()
