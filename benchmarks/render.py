"""What rendering costs beside the victim, at four sizes of sample.

    python benchmarks/render.py         writes docs/results/render.json and render.md
    python benchmarks/render.py image   one size only: small, image, signal or video

For each size, 256 plans on as many samples as the engine holds at once: every plan changes 8 random cells of its
incumbent to random cards of the four natural filters, as an attack does. Two figures beside the victim's own time for
256 samples at its best batch size, measured in the same run: changing the samples (all paintings there), and the same
with the paintings themselves, spread over an attack of 200 queries in which every card is needed.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import brinkmap
from brinkmap.distortions import NATURAL
from brinkmap.plan import Palette
from brinkmap.session import Session
from real_data import SHARED, cifar_images, cifar_victim, shared_module

PLANS, CELLS, QUERIES, REPEATS = 256, 8, 200, 5
OUT = Path(__file__).resolve().parents[1] / "docs" / "results" / "render.json"
WINDOW = 187


def small():
    """3 x 32 x 32 and ResNet-20."""
    x = np.moveaxis(cifar_images()[0][:256], -1, 1).astype(np.float32) / 255
    return "3 x 32 x 32, ResNet-20", cifar_victim("resnet20"), x, (16, 32, 64, 128)


def image():
    """3 x 224 x 224 and MobileNet v2."""
    from PIL import Image

    paths = sorted((SHARED / "imagenet" / "val200").iterdir())[:64]
    x = np.stack([np.asarray(Image.open(p).convert("RGB").resize((224, 224)), np.float32) / 255 for p in paths])
    net = shared_module("models_imagenet").load("mobilenet_v2_1.0_224")
    return "3 x 224 x 224, MobileNet v2", brinkmap.wrap(net, classes=1000), np.moveaxis(x, -1, 1).copy(), (8, 16, 32)


def signal():
    """1 x 3600 and the CNN-Transformer over the strip's 19 windows of 187 values, their logits averaged."""
    import torch

    strips = np.load(SHARED / "ecg" / "mitbih_strips10s.npz", allow_pickle=False)["x"][:64, None]
    net = shared_module("models_ecg").load("cnn_transformer")

    class Strip(torch.nn.Module):
        def forward(self, x):
            windows = x[:, :, : 3600 // WINDOW * WINDOW].reshape(-1, 1, WINDOW)
            return net(windows).reshape(len(x), -1, 5).mean(dim=1)

    strips = np.clip(strips, -5, 5)
    victim = brinkmap.wrap(Strip(), classes=5, bounds=(-5.0, 5.0), unit="mV", rate_hz=360)
    return "1 x 3600, CNN-Transformer on 19 windows", victim, strips.astype(np.float32), (8, 16, 32)


def video():
    """3 x 16 x 172 x 172 and MoViNet-A0."""
    clips = np.load(SHARED / "video" / "clips_k600.npz", allow_pickle=False)["x"]
    x = np.moveaxis(clips, -1, 1).astype(np.float32) / 255
    net = shared_module("models_video").load()
    return "3 x 16 x 172 x 172, MoViNet-A0", brinkmap.wrap(net, classes=600), x, (1, 2, 4)


SIZES = {"small": small, "image": image, "signal": signal, "video": video}


def victim_seconds(victim, x, batches) -> float:
    """Seconds for `PLANS` samples at the best of these batch sizes, from three runs over the samples each."""
    best = np.inf
    for batch in batches:
        rounds = []
        for _ in range(3):
            began = time.perf_counter()
            for start in range(0, len(x), batch):
                victim.predict(x[start : start + batch])
            rounds.append((time.perf_counter() - began) / len(x) * PLANS)
        best = min(best, statistics.median(rounds))
    return best


def render_seconds(canvas, x, slots) -> tuple[float, float]:
    """Seconds to change `PLANS` samples from incumbent to proposal, and to paint all cards of one sample."""
    palette, rng = Palette(canvas, slots), np.random.default_rng(0)
    rows, cards = np.arange(slots), len(canvas.cards)
    for slot in rows:
        palette.load(slot, x[slot % len(x)], int(slot))
    images = np.stack([x[slot % len(x)].ravel() for slot in rows])
    asked = np.zeros_like(images)
    everything = np.tile(np.arange(canvas.grid.cells) % cards + 1, (slots, 1)).astype(np.int16)
    began = time.perf_counter()
    palette.prepare(rows, everything)
    painting = (time.perf_counter() - began) / slots
    shown = np.zeros((slots, canvas.grid.atoms), np.int16)
    taken = []
    for _ in range(max(4, -(-PLANS // slots))):
        codes = shown.copy()
        for row in rows:
            codes[row, rng.choice(canvas.grid.cells, CELLS, replace=False)] = rng.integers(0, cards + 1, CELLS)
        began = time.perf_counter()
        np.take(images, rows, axis=0, out=asked, mode="clip")
        palette.render(rows, shown, canvas.inks.shown(codes), asked)
        palette.render(rows, shown, canvas.inks.shown(codes), images, rows)  # as if all were accepted
        taken.append(time.perf_counter() - began)
        shown = codes
    return statistics.median(taken) / slots * PLANS, painting  # an attack goes on for hundreds of such rounds


def measure(name: str) -> dict:
    """One row."""
    what, victim, x, batches = SIZES[name]()
    session = Session(victim, x.shape[1:], brinkmap.Run(distortions=NATURAL))
    slots = min(session.slots, PLANS)
    rounds = []
    for _ in range(REPEATS):
        before = victim_seconds(victim, x, batches)
        rendering, painting = render_seconds(session.canvas, x, slots)
        forward = (before + victim_seconds(victim, x, batches)) / 2 if name == "small" else before
        spread = rendering + PLANS / QUERIES * painting
        rounds.append((rendering / forward, spread / forward, rendering, painting, forward))
        gc.collect()
        print(f"{what}: {rounds[-1][0]:.2%} rendering, {rounds[-1][1]:.2%} with painting", flush=True)
    share, spread, rendering, painting, forward = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "sample": what, "slots": slots, "cards": len(session.canvas.cards), "cells": session.canvas.grid.cells,
        "victim_s": round(forward, 4), "render_s": round(rendering, 4), "paint_all_cards_ms": round(1e3 * painting, 2),
        "share": round(share, 4), "share_range": [round(edge(r[0] for r in rounds), 4) for edge in (min, max)],
        "share_with_painting": round(spread, 4),
    }  # fmt: skip


PAGE = """# What rendering costs beside the victim

Made by `python benchmarks/render.py` (figures in `render.json`), on {machine}.

{plans} plans, each changing {cells} random cells of its incumbent to random cards of the four natural filters
({cards} cards). "Share" is rendering by the victim's own time for {plans} samples at its best batch size, medians of
{repeats} repeats in one process, least and greatest in brackets; the goal is at most 10 %. "With painting" adds what
it takes to paint a sample with every card once, spread over an attack of {queries} queries.

| sample, victim | held at once | victim s | rendering s | share | painting all cards, ms a sample | with painting |
|---|---|---|---|---|---|---|
{rows}"""


def page(rows: list[dict]) -> str:
    """The results page."""
    lines = "".join(
        f"| {r['sample']} | {r['slots']} | {r['victim_s']:.3g} | {r['render_s']:.3g} | {r['share']:.2%} "
        f"({r['share_range'][0]:.2%} to {r['share_range'][1]:.2%}) | {r['paint_all_cards_ms']:.3g} | "
        f"{r['share_with_painting']:.2%} |\n"
        for r in rows
    )
    machine = f"{os.cpu_count()} cores ({platform.machine()})"
    return PAGE.format(
        machine=machine, plans=PLANS, cells=CELLS, cards=rows[0]["cards"], repeats=REPEATS, queries=QUERIES, rows=lines
    )


def main() -> None:
    """Measure what is asked for, keep the rest as it was."""
    wanted = sys.argv[1:] or list(SIZES)
    figures = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in wanted:
        figures[name] = measure(name)
    OUT.write_text(json.dumps(figures, indent=1) + "\n")
    OUT.with_suffix(".md").write_text(page([figures[name] for name in SIZES if name in figures]))
    print(f"written: {OUT} and render.md")


if __name__ == "__main__":
    main()
