"""Ten steps of every method in PyTorch, as numbers for `tests/core/torch.rs` to compare with.

Run from the root of the repository as `python tests/torch/fixtures.py`; needs numpy and PyTorch 2. It writes
`tests/torch/fixtures.json` in double precision, and prints how far PyTorch's own single precision is from it.

Every method is written from its paper's formula; base updates, learning-rate schedules and losses are PyTorch's own.
A case is a table of the names that presets use, so that the test reads its hyper-parameters from the same entries.
"""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]

STEPS = 10
STEPS_PER_EPOCH = 3
EPOCHS = math.ceil(STEPS / STEPS_PER_EPOCH)
BATCH = 32

# The perceptron 784-128-10: each tensor's shape and fan-in, and how many of its coordinates are kept. The last is kept
# whole and needs no projections.
SHAPES = [(128, 784), (128,), (10, 128), (10,)]
FAN_IN = [784, 784, 128, 128]
KEPT = [40, 32, 40, 10]
SIZES = [math.prod(shape) for shape in SHAPES]

SGD = {"update": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}
PLAIN = {"update": "sgd", "lr": 0.1}
# An epsilon large enough to be seen: the gradients are of the order 1e-3.
ADAM = {"update": "adam", "lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4, "weight_decay": 0.01}
# A short memory, so that second moments fall and the largest one is not always the last.
AMSGRAD = ADAM | {"update": "amsgrad", "beta2": 0.7}
# Powers of two: 1 - lr wd, which multiplies the weights, is then the same number in single precision.
ADAMW = ADAM | {"update": "adamw", "lr": 2.0**-10, "weight_decay": 0.125}
NSO = {"method": "nso", "sigma": 0.02, "k": 2}
SAM = {"method": "sam", "rho": 0.1}
BSAM = {"method": "bsam", "lr": 0.5, "rho": 0.05, "beta1": 0.9, "beta2": 0.9, "prior": 10.0, "damping": 0.1,
        "precision": 1.5}

CASES = {
    "sgd": {"method": "sgd"} | SGD,
    "wp-sgd": {"method": "wp-sgd", "sigma": 0.02, "k": 2} | SGD,
    "nso": NSO | SGD,
    "nso, mixed": NSO | {"mix": 0.3} | SGD,
    "sam": SAM | SGD,
    "usam": {"method": "usam", "rho": 0.1} | SGD,
    "asam, offset": {"method": "asam", "scaling": "offset", "rho": 1.0} | SGD,
    "asam, plain": {"method": "asam", "scaling": "plain", "rho": 1.0} | SGD,
    "rsam": {"method": "rsam", "sigma": 0.02, "rho": 0.1, "lambda": 0.7} | SGD,
    "bsam": BSAM,
    "label-smoothing": {"method": "label-smoothing", "smoothing": 0.2} | SGD,
    "nso, adam": NSO | ADAM,
    "nso, amsgrad": NSO | AMSGRAD,
    "nso, adamw": NSO | ADAMW,
    "sam, adam": SAM | ADAM,
    "sam, amsgrad": SAM | AMSGRAD,
    "sam, adamw": SAM | ADAMW,
    "sgd, step": {"method": "sgd", "lr_schedule": "step", "drop_every": 1.0, "gamma": 0.3} | SGD,
    "sgd, cosine": {"method": "sgd", "lr_schedule": "cosine"} | SGD,
    "sgd, linear after warm-up": {"method": "sgd", "lr_schedule": "linear", "warmup": 1.0} | SGD,
    "sam, cosine after warm-up": SAM | {"lr_schedule": "cosine", "warmup": 2.0} | SGD,
    "wp-sgd, exponential sigma": {"method": "wp-sgd", "sigma": 0.02, "k": 2, "sigma_schedule": "exponential"} | SGD,
    "rsam, linear sigma": {"method": "rsam", "sigma": 0.02, "sigma_schedule": "linear", "rho": 0.1, "lambda": 0.7} | SGD,
    "nso, linear sigma": NSO | {"sigma_schedule": "linear"} | SGD,
    "nso, exponential sigma": NSO | {"sigma_schedule": "exponential"} | SGD,
    "sgd, penalty": {"method": "sgd", "penalty": 0.5} | PLAIN,
    "nso, penalty": NSO | {"penalty": 0.5} | SGD,
    "sam, penalty": SAM | {"penalty": 0.5} | SGD,
    "bsam, penalty": BSAM | {"penalty": 0.5},
    "bsam, rows": BSAM | {"projection": "rows", "radius": 0.5},
    "sgd, frobenius": {"method": "sgd", "projection": "frobenius", "radius": 0.2} | SGD,
    "nso, rows": NSO | {"projection": "rows", "radius": 0.5} | SGD,
    "gnp": {"method": "gnp", "rho": 0.1, "alpha": 0.7} | SGD,
    "gsam": {"method": "gsam", "rho": 0.1, "alpha": 0.4} | SGD,
}


def scattered(count, offset):
    """Fractions of multiples of the golden ratio, on (-1, 1), as in `tests/core/common.rs`."""
    x = (np.arange(count) + 1.0) * 0.6180339887498949 + offset
    return 2.0 * (x - np.floor(x)) - 1.0


def fractions(count, offset):
    """The same in single precision, so that a run begins and is disturbed alike in both precisions."""
    return scattered(count, offset).astype(np.float32).astype(np.float64)


def digits():
    """The embedded training digits, normalised in single precision as the program does."""

    def read(name, header):
        packed = (ROOT / "assets" / "mnist" / name).read_bytes()
        return np.frombuffer(gzip.decompress(packed), dtype=np.uint8, offset=header)

    pixels = read("mnist-train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32)
    inputs = (pixels / np.float32(255.0) - np.float32(0.1307)) / np.float32(0.3081)
    labels = read("mnist-train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    return torch.tensor(inputs), torch.tensor(labels)


INPUTS, LABELS = digits()


def cut(flat):
    """The tensors that a flat vector is made of."""
    return [piece.reshape(shape) for piece, shape in zip(flat.split(SIZES), SHAPES)]


def join(pieces):
    return torch.cat([piece.reshape(-1) for piece in pieces])


def initial(dtype):
    scaled = [fractions(size, 0.1 * (i + 1)) / math.sqrt(fan) for i, (size, fan) in enumerate(zip(SIZES, FAN_IN))]
    return torch.tensor(np.concatenate(scaled).astype(np.float32)).to(dtype)


def noise(dtype):
    """xi, draw after draw."""
    draws = 0
    while True:
        draws += 1
        yield torch.tensor(1.7 * fractions(sum(SIZES), 0.7548776662466927 * draws)).to(dtype)


def minibatch(step, dtype):
    indices = torch.arange(step * BATCH, (step + 1) * BATCH) * 97 % len(LABELS)
    return INPUTS[indices].to(dtype), LABELS[indices]


class Objective:
    """The loss of one minibatch and its gradient."""

    def __init__(self, case, start, step):
        self.inputs, self.labels = minibatch(step, start.dtype)
        self.smoothing = case.get("smoothing", 0.0)

    def __call__(self, at):
        """(loss, gradient) at the flat `at`."""
        w = at.detach().clone().requires_grad_(True)
        w1, b1, w2, b2 = cut(w)
        logits = F.linear(F.relu(F.linear(self.inputs, w1, b1)), w2, b2)
        loss = F.cross_entropy(logits, self.labels, label_smoothing=self.smoothing)
        loss.backward()
        return loss.item(), w.grad


def sigma_at(case, step):
    """The scale of the noise in epoch e of E."""
    e, sigma = step // STEPS_PER_EPOCH + 1, case["sigma"]
    match case.get("sigma_schedule", "constant"):
        case "constant":
            return sigma
        case "linear":
            return sigma * (e - 1) / (EPOCHS - 1)
        case "exponential":
            return math.exp(np.linspace(math.log(1e-5), math.log(sigma), EPOCHS)[e - 1])


def asam_scaling(case, w):
    """T: |w| for all, or |w| + 0.01 for weights and 1 for biases."""
    if case["scaling"] == "plain":
        return w.abs()
    return join([p.abs() + 0.01 if p.ndim > 1 else torch.ones_like(p) for p in cut(w)])


def rsam_noise(sigma, xi, w):
    """Noise in proportion to the norm of each output row, plain for biases."""
    rows = [u * p.norm(dim=1, keepdim=True) if p.ndim > 1 else u for u, p in zip(cut(sigma * xi), cut(w))]
    return join(rows)


def direction(case, f, w, xi, step):
    """(loss, g) of a method at w."""
    rho = case.get("rho")
    match case["method"]:
        case "sgd" | "label-smoothing":
            return f(w)
        case "wp-sgd":
            sigma, k = sigma_at(case, step), case["k"]
            found = [f(w + sigma * next(xi)) for _ in range(k)]
            return sum(loss for loss, _ in found) / k, sum(g for _, g in found) / k
        case "nso":
            sigma, k, mix = sigma_at(case, step), case["k"], case.get("mix", 0.0)
            found = []
            for _ in range(k):
                u = sigma * next(xi)
                found += [f(w + u), f(w - u)]
            g = sum(g for _, g in found) / (2 * k)
            if mix > 0.0:
                g = mix * f(w)[1] + (1.0 - mix) * g
            return sum(loss for loss, _ in found) / (2 * k), g
        case "sam":
            loss, g = f(w)
            return loss, f(w + rho * g / (g.norm() + 1e-12))[1]
        case "usam":
            loss, g = f(w)
            return loss, f(w + rho * g)[1]
        case "asam":
            loss, g = f(w)
            t = asam_scaling(case, w)
            return loss, f(w + rho * t.square() * g / ((t * g).norm() + 1e-12))[1]
        case "rsam":
            d = rsam_noise(sigma_at(case, step), next(xi), w)
            loss, g = f(w + d)
            e = d + case["lambda"] * g
            return loss, f(w + rho * e / (e.norm() + 1e-12))[1]
        case "gnp":
            # The gradient of f + lam |grad f|, with H g / |g| as a forward difference over r = rho.
            loss, g = f(w)
            lam = case["alpha"] * rho
            return loss, g + lam * (f(w + rho * g / (g.norm() + 1e-12))[1] - g) / rho
        case "gsam":
            # The clean gradient by its components along and orthogonal to the perturbed one.
            loss, g = f(w)
            perturbed = f(w + rho * g / (g.norm() + 1e-12))[1]
            orthogonal = g - torch.dot(g, perturbed) / torch.dot(perturbed, perturbed) * perturbed
            return loss, perturbed - case["alpha"] * orthogonal


def pull(case, w, start):
    """The gradient of the distance penalty, taken at the clean weights like weight decay."""
    return 2.0 * case.get("penalty", 0.0) * (w - start)


def optimizer(case, w):
    lr, decay = case["lr"], case.get("weight_decay", 0.0)
    if case["update"] == "sgd":
        return torch.optim.SGD([w], lr=lr, momentum=case.get("momentum", 0.0), weight_decay=decay)
    moments = {"lr": lr, "betas": (case["beta1"], case["beta2"]), "eps": case["epsilon"], "weight_decay": decay}
    match case["update"]:
        case "adam":
            return torch.optim.Adam([w], **moments)
        case "amsgrad":
            return torch.optim.Adam([w], amsgrad=True, **moments)
        case "adamw":
            return torch.optim.AdamW([w], **moments)


def schedule(case, base):
    """A scheduler to be stepped after every step."""
    warm = round(case.get("warmup", 0.0) * STEPS_PER_EPOCH)
    rest = STEPS - warm
    schedules = torch.optim.lr_scheduler
    match case.get("lr_schedule", "constant"):
        case "constant":
            after = schedules.ConstantLR(base, factor=1.0)
        case "step":
            after = schedules.StepLR(base, round(case["drop_every"] * STEPS_PER_EPOCH), gamma=case["gamma"])
        case "cosine":
            after = schedules.CosineAnnealingLR(base, T_max=rest)
        case "linear":
            after = schedules.LinearLR(base, start_factor=1.0, end_factor=0.0, total_iters=rest)
    if warm == 0:
        return after
    rise = schedules.LinearLR(base, start_factor=1.0 / warm, end_factor=1.0, total_iters=warm - 1)
    return schedules.SequentialLR(base, [rise, after], milestones=[warm])


def project(case, w, start):
    """W0 + D min(1, c / |D|_F) tensor by tensor, or D_r min(1, c / |D_r|_1) row by row, a bias having rows of one."""
    kind, c = case.get("projection", "none"), case.get("radius")
    pieces = []
    for p, p0 in zip(cut(w), cut(start)):
        d = p - p0
        if kind == "frobenius":
            d = d * min(1.0, c / d.norm().item())
        elif kind == "rows":
            lengths = d.reshape(d.shape[0], -1).abs().sum(dim=1)
            d = d * (c / lengths).clamp(max=1.0).reshape([-1] + [1] * (d.ndim - 1))
        pieces.append(p0 + d)
    return w if kind == "none" else join(pieces)


def follow(case, dtype):
    """The minibatch losses and the last weights of a base update along a method's direction."""
    start = initial(dtype)
    w = torch.nn.Parameter(start.clone())
    base, xi, losses = optimizer(case, w), noise(dtype), []
    plan = schedule(case, base)
    for step in range(STEPS):
        loss, g = direction(case, Objective(case, start, step), w.detach(), xi, step)
        w.grad = g + pull(case, w.detach(), start)
        base.step()
        plan.step()
        w.data = project(case, w.data, start)
        losses.append(loss)
    return losses, w.detach(), start


def bsam(case, dtype):
    """Moellenhoff & Khan (2022), algorithm 1 with the diagonal precision s; N is the size of the training set."""
    start = initial(dtype)
    xi, losses = noise(dtype), []
    w, m, s = start.clone(), torch.zeros_like(start), torch.full_like(start, case["precision"])
    n, b1, b2 = len(LABELS), case["beta1"], case["beta2"]
    d = case["prior"] / n
    for step in range(STEPS):
        f = Objective(case, start, step)
        loss, g1 = f(w + next(xi) / (n * s).sqrt())
        _, g2 = f(w + case["rho"] * g1 / s)
        m = b1 * m + (1 - b1) * (g2 + d * w + pull(case, w, start))
        w = project(case, w - case["lr"] * m / s, start)
        s = b2 * s + (1 - b2) * (s.sqrt() * g1.abs() + case["damping"] + d)
        losses.append(loss)
    return losses, w, start


def digest(case, dtype):
    """What is kept of a run: its losses; of each tensor's way w - w_start a few coordinates and projections."""
    losses, w, start = (bsam if case["method"] == "bsam" else follow)(case, dtype)
    ways = [way.reshape(-1).numpy().astype(np.float64) for way in cut(w - start)]
    kept = {"losses": losses, "coordinates": [], "projections": []}
    for way, count in zip(ways, KEPT):
        kept["coordinates"].append([way[(j * len(way) + len(way) // 2) // count] for j in range(count)])
        if count < len(way):
            kept["projections"].append([float(way @ scattered(len(way), 0.3 * j)) for j in range(3)])
    return kept


def apart(found, expected):
    """The largest relative error of a digest's parts, in the 2-norm."""
    pairs = [(found["losses"], expected["losses"])]
    for part in ["coordinates", "projections"]:
        pairs += zip(found[part], expected[part])
    return max(np.linalg.norm(np.subtract(a, b)) / np.linalg.norm(b) for a, b in pairs)


def rounded(value):
    """Twelve digits are enough for a tolerance of 1e-9."""
    return [rounded(x) for x in value] if isinstance(value, list) else float(f"{value:.12g}")


def main():
    torch.set_num_threads(1)
    cases = []
    for name, case in CASES.items():
        exact = digest(case, torch.float64)
        print(f"{name:28} loss {exact['losses'][0]:.3f} -> {exact['losses'][-1]:.3f}, "
              f"single precision is {apart(digest(case, torch.float32), exact):.1e} away")
        cases.append({"name": name, "hyperparameters": case} | {key: rounded(part) for key, part in exact.items()})
    lines = ",\n".join(json.dumps(case) for case in cases)
    about = json.dumps(f"made by tests/torch/fixtures.py with PyTorch {torch.__version__.split('+')[0]}")
    path = Path(__file__).with_suffix(".json")
    path.write_text(f'{{"about": {about}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
