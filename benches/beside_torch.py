"""Gradients and Hessian traces of this program on LibTorch beside PyTorch's and PyHessian's, in one run on the same cores.

    pip install "torch==2.9.*" torchvision pyhessian
    cargo bench --features tch --bench beside_torch --no-run        (prints where the program is)
    python benches/beside_torch.py PROGRAM [--threads 2] [--rounds 15]

The two take turns, so that what else the machine does falls on both. Medians over the rounds, in milliseconds, and the median of the
rounds' ratios. Gradients: batch normalisation by the batch, cross-entropy of a batch. Traces: 20 Rademacher probes, evaluation mode, the
graph of the gradient included.
"""

import argparse
import math
import os
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
import torchvision
from pyhessian import hessian


def mlp():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


def mobilenet():
    net = torchvision.models.mobilenet_v2(num_classes=10)
    net.features[0][0].stride = (1, 1)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return net


NETWORKS = {
    "mlp": (mlp, (128, 1, 28, 28)),
    "mobilenet-v2": (mobilenet, (32, 3, 32, 32)),
    "resnet-18": (lambda: torchvision.models.resnet18(num_classes=10), (32, 3, 32, 32)),
}


def gradient(net, x, y):
    net.train()
    begun = time.perf_counter()
    torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
    return time.perf_counter() - begun


def trace(net, x, y):
    begun = time.perf_counter()
    found = hessian(net, torch.nn.CrossEntropyLoss(), data=(x, y), cuda=False)
    # Its rule for stopping early divides by a trace that may be negative; nothing is below minus infinity.
    found.trace(maxIter=20, tol=-math.inf)
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    ours = subprocess.Popen([arguments.program, "--bench"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(name, task):
        ours.stdin.write(f"{name} {task}\n")
        ours.stdin.flush()
        return float(ours.stdout.readline())

    print(f"PyTorch {torch.__version__}, {arguments.threads} threads, medians of {arguments.rounds} rounds")
    for name, (build, shape) in NETWORKS.items():
        torch.manual_seed(1)
        net, x, y = build(), torch.rand(shape) * 2 - 1, torch.randint(10, shape[:1])
        for task, measure in (("gradient", gradient), ("trace", trace)):
            # One call of ours or theirs is short on the perceptron: several make a round.
            calls = 20 if name == "mlp" and task == "gradient" else 1
            rounds = arguments.rounds if task == "gradient" else max(3, arguments.rounds // 3)
            pairs = []
            for round in range(rounds + 1):
                pair = (
                    min(measure(net, x, y) for _ in range(calls)),
                    min(ask(name, task) for _ in range(calls)),
                )
                if round > 0:
                    pairs.append(pair)
            theirs, mine = (1e3 * statistics.median(side) for side in zip(*pairs))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"{name:13} {task:9} theirs {theirs:9.2f} ms   ours {mine:9.2f} ms   ratio {ratio:.3f}", flush=True)
    ours.stdin.close()
    ours.wait()


main()
