#!/usr/bin/env python3
"""Makes Tests/Fixtures/Files, and reads files that TensorFile wrote.

    make_tensor_files.py            writes the fixtures
    make_tensor_files.py verify     opens the committed params.safetensors, which Params.save wrote
    make_tensor_files.py check DIR  reads every .npy and .safetensors file of DIR and prints names, dtypes, shapes, sums

Needs numpy, ml_dtypes and safetensors.
"""

import gzip
import io
import json
import pathlib
import sys
import zipfile
import zlib

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


def arrays():
    """Arrays that DEFLATE treats in different ways: runs, repeats at a distance, text-like values, noise, nothing."""
    rng = np.random.default_rng(0)
    return {
        "runs": np.zeros((40, 50), np.float32),
        "repeats": np.tile(np.arange(700, dtype=np.int16), 12),
        "skewed": rng.geometric(0.3, 5000).astype(np.uint8),
        "noise": rng.integers(0, 256, 3000).astype(np.uint8),
        "empty": np.zeros((2, 0, 3), np.float64),
        "net/scalar": np.float32(2.5),
    }


def write_archives():
    """Archives as NumPy writes them, and with each entry compressed at another level."""
    np.savez(FOLDER / "stored.npz", **arrays())
    np.savez_compressed(FOLDER / "deflated.npz", **arrays())
    with zipfile.ZipFile(FOLDER / "levels.npz", "w") as archive:
        for level in range(10):
            x = (np.arange(600, dtype=np.int32) * 7919) % (level * 30 + 11)
            file = io.BytesIO()
            np.save(file, x)
            info = zipfile.ZipInfo(f"level{level}.npy")
            archive.writestr(info, file.getvalue(), zipfile.ZIP_DEFLATED, level)
    with zipfile.ZipFile(FOLDER / "bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(zipfile.ZipInfo("x.npy"), b"abc", zipfile.ZIP_BZIP2)
    # MNIST's format: two zeros, a code for the dtype, the rank, the sizes (highest byte first), the elements.
    images = (np.arange(5 * 4 * 3) % 251).astype(np.uint8).reshape(5, 4, 3)
    idx = bytes([0, 0, 8, 3]) + np.array(images.shape, ">u4").tobytes() + images.tobytes()
    (FOLDER / "images.idx3-ubyte").write_bytes(idx)
    (FOLDER / "images.idx3-ubyte.gz").write_bytes(gzip.compress(idx, mtime=0))
    fixed = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FIXED)
    (FOLDER / "fixed.idx3-ubyte.gz").write_bytes(fixed.compress(idx) + fixed.flush())
    # Two members, the first with a name.
    named = io.BytesIO()
    with gzip.GzipFile("name.idx", "wb", 6, named, 0) as file:
        file.write(idx[:20])
    (FOLDER / "members.idx3-ubyte.gz").write_bytes(named.getvalue() + gzip.compress(idx[20:], mtime=0))
    for name, code, dtype in [("i8", 9, ">i1"), ("i16", 11, ">i2"), ("i32", 12, ">i4"), ("f32", 13, ">f4"), ("f64", 14, ">f8")]:
        x = np.array([1, -2, 100], dtype)
        (FOLDER / f"{name}.idx").write_bytes(bytes([0, 0, code, 1, 0, 0, 0, 3]) + x.tobytes())


def verify():
    """What Tests/BloxNNTests/CheckpointTests.swift saved, read by the reference implementation."""
    with safetensors.safe_open(FOLDER / "params.safetensors", framework="numpy") as file:
        metadata = file.metadata()
        values = {name: file.get_tensor(name) for name in file.keys()}
    assert values["net/rng/seed"].tolist() == [0, 42] and metadata["dtype:net/rng/seed"] == "key"
    assert values["net/rng/counter"].tolist() == 3 and values["net/rng/counter"].dtype == np.uint32
    assert values["net/layer/kernel"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert values["net/layer/bias"].dtype == np.float16 and values["net/layer/bias"].tolist() == [0.5, -1, 2]
    flags = {k.removeprefix("param:"): json.loads(v) for k, v in metadata.items() if k.startswith("param:")}
    assert flags["net/rng/seed"] == {"trainable": False, "metadata": {"tag": "rng_seed"}}
    tags = {"sharding": ["model", None], "scale": 0.5, "group": 3, "frozen": True, "note": 'a "b"\n'}
    assert flags["net/layer/kernel"] == {"trainable": True, "metadata": tags}
    assert metadata["blox:locked"] == "true" and metadata["step"] == "7"
    print("params.safetensors is as it should be")


def check(folder):
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix == ".npz":
            for name, x in np.load(path).items():
                print(path.name, name, x.dtype.str, x.shape, x.tobytes().hex()[:100])
        elif path.suffix == ".npy":
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
    elif sys.argv[1:2] == ["verify"]:
        verify()
    else:
        write()
        write_archives()
