"""Small checkpoints as PyTorch writes them, and their numbers, for `tests/checkpoints/good.rs` to compare with.

Run from the root of the repository as `python tests/checkpoints/fixtures.py`; needs PyTorch 2.9, numpy and safetensors.
It writes `tests/checkpoints/fixtures/*` and `expected.json`: for each file, each tensor's shape and values by name, as
double precision, after the cast to float32 that the reader promises.
"""

import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent / "fixtures"
FOLDER.mkdir(exist_ok=True)

torch.manual_seed(1)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(3)
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).mean((2, 3)))


net = Net()
net(torch.randn(4, 2, 5, 5))
plain = net.state_dict()

base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 7
views = {
    "whole": base,
    "transposed": base.t(),
    "strided": base[::2, 1::2],
    "column": base[:, 3],
    "expanded": base[1, 1].expand(2, 3),
    "scalar": base[2, 5],
    "empty": base[:0],
    "permuted": torch.randn(2, 3, 4, 2).permute(3, 0, 2, 1),
    "channels_last": torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last),
    "parameter": torch.nn.Parameter(base[3]),
}
# Halves: every kind of value of f16 and bf16, subnormal ones too, but for infinities and NaN.
halves = torch.arange(0, 1 << 16, 443, dtype=torch.int32).to(torch.int16)
f16 = halves.view(torch.float16)
bf16 = halves.view(torch.bfloat16)
types = {
    "f16": f16[f16.isfinite()],
    "bf16": bf16[bf16.isfinite()],
    "f32": torch.tensor([1.0, -0.0, 1e-45, 3.4e38, 0.1]),
    "f64": torch.tensor([0.1, 1e-300, -1 / 3], dtype=torch.float64),
    "i64": torch.tensor([7, -(2**40), 2**24 + 1]),
    "i32": torch.tensor([-5, 2**31 - 1], dtype=torch.int32),
    "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "num_batches_tracked": torch.tensor(660),
}
optimizer = torch.optim.Adam(net.parameters())
net(torch.randn(4, 2, 5, 5)).sum().backward()
optimizer.step()
after = {name: tensor.clone() for name, tensor in net.state_dict().items()}
wrapped = {
    "epoch": 3,
    "best": 71.25,
    "state_dict": OrderedDict((f"module.{name}", tensor) for name, tensor in after.items()),
    "optimizer": optimizer.state_dict(),
    "size": torch.Size([3, 4]),
    "device": torch.device("cpu"),
    "dtype": torch.float16,
    "classes": ["animal", "food"],
}
contiguous = {name: tensor.detach().contiguous().clone() for name, tensor in views.items()}

FILES = {
    "zip.pth": (lambda path: torch.save(plain, path), plain),
    "legacy.pth": (lambda path: torch.save(plain, path, _use_new_zipfile_serialization=False), plain),
    "wrapped.pt": (lambda path: torch.save(wrapped, path), after),
    "wrapped-legacy.pt": (lambda path: torch.save(wrapped, path, _use_new_zipfile_serialization=False), after),
    "compiled.pth": (
        lambda path: torch.save({"model": {f"_orig_mod.module.{name}": tensor for name, tensor in after.items()}}, path),
        after,
    ),
    "views.pth": (lambda path: torch.save(views, path), views),
    "views-legacy.pth": (lambda path: torch.save(views, path, _use_new_zipfile_serialization=False), views),
    "types.pth": (lambda path: torch.save(types, path), types),
    "types-legacy.pth": (lambda path: torch.save(types, path, _use_new_zipfile_serialization=False), types),
    "types.safetensors": (lambda path: save_file(types, path, metadata={"made": "by fixtures.py"}), types),
    "views.safetensors": (lambda path: save_file(contiguous, path), contiguous),
}

expected = {}
for name, (save, tensors) in FILES.items():
    save(str(FOLDER / name))
    expected[name] = {
        key: {"shape": list(tensor.shape), "values": tensor.detach().to(torch.float32).double().flatten().tolist()}
        for key, tensor in tensors.items()
    }
# A file's numbers that another has too are told by its name.
same = {"legacy.pth": "zip.pth", "wrapped-legacy.pt": "wrapped.pt", "compiled.pth": "wrapped.pt",
        "views-legacy.pth": "views.pth", "views.safetensors": "views.pth", "types-legacy.pth": "types.pth",
        "types.safetensors": "types.pth"}
for name, other in same.items():
    assert expected[name] == expected[other], name
    expected[name] = other
(FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")
