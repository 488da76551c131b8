"""Value, gradient and Hessian product of every operation in PyTorch, as numbers for `tests/core/derivatives.rs` to compare with.

Run from the root of the repository as `python tests/torch/operations.py`; needs numpy and PyTorch 2. It writes
`tests/torch/operations.json` in double precision. The table below has the names of `tests/core/operations.rs`.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

ROOT = Path(__file__).resolve().parents[2]


def scattered(count, offset):
    """Fractions of multiples of the golden ratio, in (-1, 1), as `tests/core/common.rs` has them."""
    i = np.arange(count, dtype=np.float64)
    return 2 * np.modf((i + 1) * 0.6180339887498949 + offset)[0] - 1


def tensor(numbers):
    return torch.tensor(np.asarray(numbers, dtype=np.float64))


def weigh(x):
    """sum c x^2."""
    return (tensor(scattered(x.numel(), 0.3)).reshape(x.shape) * x**2).sum()


MATRIX = tensor(scattered(12, 0.7)).reshape(3, 4)
MOMENTS = tensor([0.3, -0.2]), tensor([0.5, 1.7])
LABELS = torch.tensor([2, 0, 3])
COLUMNS = torch.tensor([True, False, True, False])
MASK = torch.tensor([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0]).reshape(3, 4) == 1


def segment_sum(rows, segments, count):
    return torch.zeros(count, rows.shape[1], dtype=rows.dtype).index_add(0, torch.tensor(segments), rows)


def attention(tokens):
    """Two heads over three tokens by PyTorch's own attention; True in a boolean mask is what it may see."""
    heads = tokens.reshape(1, 3, 2, 2).transpose(1, 2)
    seen = torch.ones(3, 3, dtype=torch.bool).tril()
    # The other kernels have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        out = F.scaled_dot_product_attention(heads, heads, heads, attn_mask=seen, scale=0.7)
    return out.transpose(1, 2).reshape(3, 4)


def picked(b, of):
    return b.reshape(8)[of]


def images(a):
    return a.reshape(3, 2, 1, 2)


OPERATIONS = {
    "Add": lambda a, b, row: a + row,
    "Sub": lambda a, b, row: row - a,
    "AddConstant": lambda a, b, row: MATRIX + row,
    "SubFromConstant": lambda a, b, row: MATRIX - row,
    "Mul": lambda a, b, row: a * row,
    "Div": lambda a, b, row: a / (row**2 + 0.5),
    "DivOfConstant": lambda a, b, row: MATRIX / (row**2 + 0.5),
    "Scale": lambda a, b, row: a * -1.7,
    "Neg": lambda a, b, row: -a + a**2,
    "AddScalar": lambda a, b, row: (a + 0.3) * (0.9 - a) + (0.2 + a) * (a - 0.4),
    "AddToLastAxis": lambda a, b, row: a.reshape(3, 2, 2) * picked(b, [1, 6]) + row[0, [3, 0]] - row[0, [1, 1]],
    "Square": lambda a, b, row: a**2,
    "Sqrt": lambda a, b, row: torch.sqrt(a**2 + 0.5),
    "Exp": lambda a, b, row: torch.exp(a),
    "Log": lambda a, b, row: torch.log(a**2 + 0.5),
    "Relu": lambda a, b, row: F.relu(a),
    "Relu6": lambda a, b, row: F.relu6(9 * a),
    "Tanh": lambda a, b, row: torch.tanh(a),
    "Sigmoid": lambda a, b, row: torch.sigmoid(3 * a),
    "Silu": lambda a, b, row: F.silu(3 * a),
    "Gelu": lambda a, b, row: F.gelu(3 * a),
    "GeluTanh": lambda a, b, row: F.gelu(3 * a, approximate="tanh"),
    "Matmul": lambda a, b, row: a @ b,
    "MatmulOfConstant": lambda a, b, row: MATRIX @ b,
    "MatmulOfBatches": lambda a, b, row: torch.bmm(a.reshape(2, 3, 2), b.reshape(2, 2, 2)),
    "MatmulOfBatchAndOne": lambda a, b, row: a.reshape(2, 3, 2) @ row.reshape(2, 2),
    "MatmulOfConstantBatch": lambda a, b, row: torch.bmm(MATRIX.reshape(2, 3, 2), b.reshape(2, 2, 2)),
    "MatmulOfHeads": lambda a, b, row: torch.einsum("gmk,hkn->ghmn", a.reshape(2, 3, 2), b.reshape(2, 2, 2)),
    "Transpose": lambda a, b, row: b.T @ a.T,
    "TransposeOfBatch": lambda a, b, row: a.reshape(2, 3, 2).mT,
    "Reshape": lambda a, b, row: a.reshape(2, 6) * MATRIX.reshape(2, 6),
    "Permute": lambda a, b, row: a.reshape(1, 3, 2, 2).permute(2, 0, 3, 1),
    "SwapDims": lambda a, b, row: a.reshape(3, 2, 2).transpose(0, 2),
    "Expand": lambda a, b, row: row.expand(3, 4),
    "ConcatRows": lambda a, b, row: torch.cat([row, MATRIX, a], 0) @ b,
    "ConcatColumns": lambda a, b, row: torch.cat([a @ b, MATRIX, a], 1),
    "ConcatOfBatches": lambda a, b, row: torch.cat([a.reshape(2, 3, 2), b.reshape(2, 2, 2)], 1),
    "Select": lambda a, b, row: a.reshape(12)[[3, 0, 3, 11, 7]],
    "SelectRows": lambda a, b, row: F.embedding(torch.tensor([2, 0, 2, 1, 2]), a),
    "SegmentSum": lambda a, b, row: segment_sum(b, [2, 0, 2, 2], 4),
    "MaskFill": lambda a, b, row: a.masked_fill(MASK, -2.0) * row,
    "MaskFillOfColumns": lambda a, b, row: a.masked_fill(COLUMNS, 0.4) * row,
    "Sum": lambda a, b, row: (a**2).sum().reshape(1),
    "SumRows": lambda a, b, row: (a**2).sum(0),
    "SumDim": lambda a, b, row: (a.reshape(3, 2, 2) ** 2).sum(1, keepdim=True),
    "MeanDim": lambda a, b, row: (a**2).mean(0, keepdim=True),
    "Softmax": lambda a, b, row: F.softmax(2 * a, -1),
    "SoftmaxOfBatch": lambda a, b, row: F.softmax((2 * a).reshape(2, 2, 3), -1),
    "LogSoftmax": lambda a, b, row: F.log_softmax(a, -1),
    "LogSoftmaxOfBatch": lambda a, b, row: F.log_softmax(a.reshape(2, 2, 3), -1),
    "LayerNorm": lambda a, b, row: F.layer_norm(a, [4], row.reshape(4), picked(b, [0, 3, 5, 6])),
    "LayerNormOfBatch": lambda a, b, row: F.layer_norm(a.reshape(2, 3, 2), [2], row[0, :2], row[0, 2:], 0.1),
    "LayerNormOfConstant": lambda a, b, row: F.layer_norm(MATRIX.reshape(2, 3, 2), [2], row[0, :2], row[0, 2:], 0.1),
    "Linear": lambda a, b, row: F.linear(a, b.T, row.reshape(4)[[2, 0]]),
    "Gather": lambda a, b, row: F.log_softmax(a, -1)[range(3), LABELS].reshape(3, 1),
    "CrossEntropy": lambda a, b, row: F.cross_entropy(a, LABELS).reshape(1),
    "Conv": lambda a, b, row: F.conv2d(a.reshape(1, 2, 2, 3), b.reshape(1, 2, 2, 2), stride=2, padding=1),
    "GroupedConv": lambda a, b, row: F.conv2d(a.reshape(1, 2, 2, 3), b.reshape(2, 1, 2, 2), padding=1, groups=2),
    "ConvOfConstant": lambda a, b, row: F.conv2d(MATRIX.reshape(1, 1, 3, 4), b.reshape(2, 1, 2, 2)),
    "MaxPool": lambda a, b, row: F.max_pool2d(a.reshape(1, 1, 3, 4), 3, stride=2, padding=1),
    "MeanPixels": lambda a, b, row: (a**2).reshape(2, 1, 2, 3).mean((2, 3)),
    "BatchNorm": lambda a, b, row: F.batch_norm(images(a), None, None, row[0, :2], row[0, 2:], True),
    "BatchNormEval": lambda a, b, row: F.batch_norm(images(a), *MOMENTS, row[0, :2], row[0, 2:]),
    "BatchNormEvalOfConstant": lambda a, b, row: F.batch_norm(images(MATRIX), *MOMENTS, row[0, :2], row[0, 2:]),
    "Attention": lambda a, b, row: F.gelu(attention(a * row) @ b),
    "GraphConvolution": lambda a, b, row: F.silu(segment_sum(a[[0, 1, 2, 2]], [1, 0, 0, 2], 3) @ b),
}


def loss(operation, w):
    a, b, row = w[:12].reshape(3, 4), w[12:20].reshape(4, 2), w[20:].reshape(1, 4)
    return weigh(operation(a, b, row)) + 0.1 * (weigh(a) + weigh(b) + weigh(row))


def main():
    v = tensor(scattered(24, 0.55))
    found = {}
    for name, operation in OPERATIONS.items():
        w = tensor(scattered(24, 0.1)).requires_grad_()
        value = loss(operation, w)
        (gradient,) = torch.autograd.grad(value, w, create_graph=True)
        (product,) = torch.autograd.grad(gradient @ v, w)
        assert math.isfinite(value.item()) and product.abs().sum() > 0, name
        found[name] = {"loss": value.item(), "gradient": gradient.tolist(), "product": product.tolist()}
    lines = [f"{json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in found.items()]
    (ROOT / "tests/torch/operations.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(found)} operations")


if __name__ == "__main__":
    main()
