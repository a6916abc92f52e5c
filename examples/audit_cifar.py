"""Audit the CIFAR-10 ResNets of the data folder on their real images, with natural filters.

    python examples/audit_cifar.py [resnet20|resnet32|resnet56] [samples]

Needs the folder with the real data beside the checkout, or BRINKMAP_DATA naming it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import brinkmap
from real_data import cifar_images, cifar_victim

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

name = sys.argv[1] if len(sys.argv) > 1 else "resnet20"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
images, labels = cifar_images()
done = brinkmap.audit(
    cifar_victim(name),
    images[:count],
    labels[:count],
    brinkmap.Run(budget=200, refine_budget=40, quantise=8),
    out=f"brinkmap-results/{name}",
    presentation=brinkmap.Presentation(title=f"{name} on CIFAR-10", class_names=CLASSES, export="png"),
)
print(f"{done.summary['success_rate']:.1%} flipped, {done.summary['queries_capped_mean']:.1f} queries on average")
print(f"exported files that still flip: {done.summary['export']['survived']} of {done.summary['export']['files']}")
print(f"Report: {done.report}")
