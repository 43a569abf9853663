from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from asdbench.testing import CheckFailure
from asdbench.testing.saved_folder import check_no_pickle


def write_pickle(path: Path, protocol: int) -> None:
    path.write_bytes(pickle.dumps({"a": [1]}, protocol=protocol))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_found_whatever_its_name(tmp_path: Path, protocol: int) -> None:
    write_pickle(tmp_path / "weights.bin", protocol)
    with pytest.raises(CheckFailure, match=r"save\(\) wrote weights\.bin"):
        check_no_pickle(tmp_path)


def test_torch_and_numpy_archives_with_pickles_are_found(tmp_path: Path) -> None:
    objects: Any = np.array([{}, None], dtype=object)
    for name, write in (
        ("model.bin", lambda path: torch.save({"w": torch.zeros(2)}, path)),
        ("objects.npy", lambda path: np.save(path, objects)),
        ("objects.npz", lambda path: np.savez(path, a=objects)),
        ("empty.joblib", lambda path: path.write_bytes(b"")),
    ):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        write(folder / name)
        with pytest.raises(CheckFailure, match="a pickle or holds one"):
            check_no_pickle(folder)


def test_arrays_and_json_are_no_pickles(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    np.save(tmp_path / "deep" / "rows.npy", np.zeros((3, 2)))
    np.savez(tmp_path / "rows.npz", a=np.zeros(3))
    (tmp_path / "some.json").write_text(json.dumps({"a": 1}))
    for count in range(1, 40):  # headers of many lengths, among them 384 = 0x80 0x01
        save_file(
            {f"w{i}": torch.zeros(1) for i in range(count)}, tmp_path / f"{count}.safetensors"
        )
    check_no_pickle(tmp_path)
