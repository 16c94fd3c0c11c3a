#!/usr/bin/env python3
"""Makes Tests/Fixtures/Files, and reads files that TensorFile wrote.

    make_tensor_files.py            writes the fixtures
    make_tensor_files.py check DIR  reads every .npy and .safetensors file of DIR and prints names, dtypes, shapes, sums

Needs numpy, ml_dtypes and safetensors.
"""

import pathlib
import sys

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

FOLDER = pathlib.Path(__file__).parent.parent / "Tests" / "Fixtures" / "Files"

DTYPES = {
    "bool": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
    "bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32, "f64": np.float64,
}


def values(dtype):
    """Six elements, extremes among them, as a 2x3 array."""
    if dtype == np.bool_:
        x = [True, False, True, True, False, False]
    elif np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        x = [0, 1, 2, info.max, info.min, info.max // 3]
    else:
        x = [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan")]
    return np.array(x, dtype=dtype).reshape(2, 3)


def write():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, dtype in DTYPES.items():
        np.save(FOLDER / f"{name}.npy", values(dtype))
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.save(FOLDER / "fortran.npy", np.asfortranarray(x))
    np.save(FOLDER / "big_endian.npy", x.astype(">f4"))
    np.save(FOLDER / "scalar.npy", np.float32(2.5))
    np.save(FOLDER / "vector.npy", np.arange(5, dtype=np.int32))
    np.save(FOLDER / "empty.npy", np.zeros((2, 0, 3), np.float32))
    np.save(FOLDER / "structured.npy", np.zeros(2, dtype=[("a", "<i4"), ("b", "<f4")]))
    np.save(FOLDER / "complex.npy", np.zeros(2, dtype=np.complex64))
    with open(FOLDER / "version2.npy", "wb") as file:
        np.lib.format.write_array(file, x, version=(2, 0))
    tensors = {name: values(dtype) for name, dtype in DTYPES.items()}
    tensors["scalar"] = np.array(2.5, np.float32)
    tensors["empty"] = np.zeros((2, 0, 3), np.float32)
    tensors["net/größe \"q\""] = np.arange(3, dtype=np.int32)
    safetensors.numpy.save_file(tensors, FOLDER / "all.safetensors", metadata={"made by": "numpy", "note": "a\nb\u2028"})


def check(folder):
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix == ".npy":
            x = np.load(path)
            print(path.name, x.dtype.str, x.shape, x.tobytes().hex())
        elif path.suffix == ".safetensors":
            with safetensors.safe_open(path, framework="numpy") as file:
                print(path.name, file.metadata())
                for name in sorted(file.keys()):
                    x = file.get_tensor(name)
                    print(" ", name, x.dtype, x.shape, x.tobytes().hex())


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    else:
        write()
