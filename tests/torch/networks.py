"""What torchvision's networks make of given weights and images, as numbers for `tests/core/networks.rs` to compare with.

Run from the root of the repository as `python tests/torch/networks.py`; needs numpy, PyTorch 2 and torchvision. It writes
`tests/torch/networks.json` in double precision, and prints how far single precision is from it.

Weights and images are numbers that look random and are the same everywhere: splitmix64 (Steele 2014) of the place, tensor after tensor, as a number
in (-1, 1), scaled as below; images are rounded to single precision, in which data are kept. Dropout is off.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models as models

OUT = Path(__file__).with_name("networks.json")
CLASSES = 7
IMAGES = 8
SIZE = 64
COORDINATES = 40


def scattered(count, key):
    """Place j of tensor `key`: the upper 53 bits of splitmix64(2^32 key + j), on (-1, 1)."""
    with np.errstate(over="ignore"):
        z = (np.arange(count, dtype=np.uint64) + np.uint64(key << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0


def fill(net):
    for i, (name, p) in enumerate(net.named_parameters()):
        x = scattered(p.numel(), i)
        if p.dim() > 1:
            x = x * math.sqrt(6.0 / p[0].numel())
        elif name.endswith("weight"):
            x = 0.5 + 0.2 * x
        else:
            x = 0.1 * x
        p.data = torch.from_numpy(x.reshape(p.shape))
    moments = [(name, b) for name, b in net.named_buffers() if "num_batches" not in name]
    for i, (name, b) in enumerate(moments):
        x = scattered(b.numel(), 1000 + i)
        b.data = torch.from_numpy(1.0 + 0.5 * x if name.endswith("var") else 0.1 * x)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return [name for name, _ in moments]


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def kept(v):
    """The norm, and coordinates spread over the vector."""
    places = [(2 * i + 1) * len(v) // (2 * COORDINATES) for i in range(COORDINATES)]
    return {"norm": v.norm().item(), "coordinates": [v[p].item() for p in places]}


def look(net, dtype):
    net = net.to(dtype)
    moments = fill(net)
    net = net.to(dtype)
    images = torch.from_numpy(scattered(IMAGES * 3 * SIZE * SIZE, 2000).astype(np.float32)).to(dtype)
    images = images.reshape(IMAGES, 3, SIZE, SIZE)
    labels = torch.arange(IMAGES) % CLASSES
    parameters = list(net.parameters())
    found = {}
    net.eval()
    logits = net(images)
    found["evaluation_logits"] = logits.flatten().tolist()
    gradient = flat(torch.autograd.grad(F.cross_entropy(logits, labels), parameters, create_graph=True))
    v = torch.from_numpy(scattered(len(gradient), 2001)).to(dtype)
    product = flat(torch.autograd.grad(gradient, parameters, v))
    found["evaluation_gradient"] = kept(gradient.detach())
    found["product"] = kept(product)
    net.train()
    logits = net(images)
    found["training_logits"] = logits.flatten().tolist()
    found["training_gradient"] = kept(flat(torch.autograd.grad(F.cross_entropy(logits, labels), parameters)))
    buffers = dict(net.named_buffers())
    found["moments"] = kept(flat([buffers[name] for name in moments]))
    found["parameters"] = [name for name, _ in net.named_parameters()]
    found["moment_names"] = moments
    return found


def mobilenet(stride):
    net = models.mobilenet_v2(num_classes=CLASSES)
    net.features[0][0].stride = (stride, stride)
    return net


NETWORKS = {
    "mobilenet-v2, stem 2": lambda: mobilenet(2),
    "mobilenet-v2, stem 1": lambda: mobilenet(1),
    "resnet-18": lambda: models.resnet18(num_classes=CLASSES),
    "resnet-34": lambda: models.resnet34(num_classes=CLASSES),
    "resnet-50": lambda: models.resnet50(num_classes=CLASSES),
}


def main():
    fixtures = {}
    for name, build in NETWORKS.items():
        exact, single = look(build(), torch.float64), look(build(), torch.float32)
        for key in ("evaluation_logits", "training_logits"):
            a, b = np.array(single[key]), np.array(exact[key])
            print(f"{name}: {key} differ by {np.abs(a - b).max():.1e} of {np.abs(b).max():.2f}")
        for key in ("evaluation_gradient", "product", "training_gradient", "moments"):
            a, b = (np.array(x[key]["coordinates"]) for x in (single, exact))
            print(f"{name}: {key} {np.linalg.norm(a - b) / np.linalg.norm(b):.1e}, norm {exact[key]['norm']:.3g}")
        fixtures[name] = exact
    OUT.write_text(json.dumps(fixtures, indent=None, separators=(",", ":")) + "\n")


main()
