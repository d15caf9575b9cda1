# SPDX-License-Identifier: Apache-2.0
"""Tensors: dtypes, views, arithmetic through NumPy, descriptors, release, PyTorch."""
import itertools
import os
import subprocess

import numpy as np
import pytest

import horus
from running import BUILD, PYTHON
from snippet import prints

_numbers = itertools.count()
DTYPES = ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8",
          "uint16", "uint32", "uint64", "bool"]
CODES = ["<f4", "<f8", "<f2", "<V2", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"]


@pytest.fixture
def tensor():
    return horus.Tensor.from_numpy(np.arange(24, dtype=np.float32).reshape(2, 3, 4))


def shares(view, tensor):
    """Whether it lies in the same block, by its address and by its descriptor."""
    same = np.shares_memory(view.numpy(), tensor.numpy())
    assert same == (view.pool_id == tensor.pool_id and view.pool_id is not None)
    return same


@pytest.mark.parametrize("dtype, code", zip(DTYPES, CODES))
def test_every_dtype_is_stored_viewed_sent_and_described(dtype, code):
    tensor = horus.Tensor((2, 3), dtype)
    numpy_dtype = np.dtype(code)
    assert tensor.dtype == dtype and horus.Tensor((2, 3), code).dtype == dtype
    assert tensor.numpy().dtype == numpy_dtype and tensor.nbytes == 6 * numpy_dtype.itemsize
    assert np.asarray(tensor).dtype == numpy_dtype
    assert tensor.__array_interface__["typestr"] == code
    if dtype == "bfloat16":
        with pytest.raises(BufferError, match="no buffer format says bfloat16"):
            memoryview(tensor)
    else:
        assert bytes(tensor) == tensor.numpy().tobytes()
    raw = np.arange(tensor.nbytes, dtype=np.uint8) % 2
    tensor.copy_from(raw.tobytes())
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(tensor) and topic.wait(60)
    received = topic.recv()
    assert (received.dtype, received.numpy().tobytes()) == (dtype, raw.tobytes())
    assert tensor.to_descriptor()[32] == DTYPES.index(dtype)
    assert horus.Tensor.from_numpy(tensor.numpy()).dtype == dtype


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name not in ("bfloat16", "bool")])
def test_dlpack_shares_every_dtype_that_numpy_takes(dtype):
    tensor = horus.Tensor(5, dtype)
    array = np.from_dlpack(tensor)
    assert array.dtype.name == dtype and array.ctypes.data == tensor.numpy().ctypes.data


def test_a_tensor_has_its_shape_and_is_zero():
    assert horus.Tensor((2, 3)).tolist() == [[0.0] * 3] * 2
    assert horus.Tensor.zeros(3, dtype="int8").tolist() == [0, 0, 0]
    assert horus.Tensor.empty([2, 2]).shape == (2, 2)
    assert horus.Tensor(()).shape == () and horus.Tensor(()).numel == 1
    assert horus.Tensor((0, 3)).numel == 0 and horus.Tensor((0, 3)).tolist() == []
    tensor = horus.Tensor((2, 3), "int16")
    assert (tensor.numel, tensor.nbytes, tensor.device) == (6, 12, "cpu")
    assert repr(tensor) == "Tensor(shape=(2, 3), dtype='int16')"


@pytest.mark.parametrize("make, error, says", [
    (lambda: horus.Tensor((1,) * 9), ValueError, "at most 8 dimensions, not 9"),
    (lambda: horus.Tensor(-1), ValueError, "at least 0, not -1"),
    (lambda: horus.Tensor("x"), TypeError, "integer"),
    (lambda: horus.Tensor(1.5), TypeError, "int"),
    (lambda: horus.Tensor(1, "complex64"), ValueError, "unknown dtype 'complex64'"),
    (lambda: horus.Tensor((1 << 40, 2)), MemoryError, "1 GiB"),
    (lambda: horus.Tensor.from_numpy(np.array(["x"])), ValueError, "unknown dtype"),
    (lambda: horus.Tensor(2).cuda(), RuntimeError, "CUDA support not compiled"),
    (lambda: horus.Tensor(2).astype("bfloat16"), ValueError, "bfloat16"),
    (lambda: horus.Tensor(2).slice(0, 1, axis=1), IndexError, "axis 1"),
    (lambda: horus.Tensor._wrap(3, 4), TypeError, "_wrap")])
def test_what_cannot_be_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize("view, same", [
    (lambda t: t[1], lambda a: a[1]), (lambda t: t[:, ::2, 1:], lambda a: a[:, ::2, 1:]),
    (lambda t: t[..., ::-1], lambda a: a[..., ::-1]), (lambda t: t[None], lambda a: a[None]),
    (lambda t: t.slice(1, 3, axis=1), lambda a: a[:, 1:3]),
    (lambda t: t.slice(0, 4, 3, axis=-1), lambda a: a[..., ::3]),
    (lambda t: t.view(6, -1), lambda a: a.reshape(6, 4)),
    (lambda t: t.reshape((4, 6)), lambda a: a.reshape(4, 6)),
    (lambda t: t.flatten(), lambda a: a.reshape(-1)), (lambda t: t.T, lambda a: a.T),
    (lambda t: t.unsqueeze(1), lambda a: a[:, None]),
    (lambda t: t.unsqueeze(0).squeeze(), lambda a: a),
    (lambda t: t.unsqueeze(-1).squeeze(-1), lambda a: a)])
def test_a_view_is_the_same_memory(tensor, view, same):
    viewed, expected = view(tensor), same(tensor.numpy())
    assert viewed.shape == expected.shape and shares(viewed, tensor)
    np.testing.assert_array_equal(viewed.numpy(), expected)
    np.testing.assert_array_equal(np.from_dlpack(viewed), expected)
    np.testing.assert_array_equal(np.asarray(memoryview(viewed)), expected)
    np.testing.assert_array_equal(viewed.copy().numpy(), expected)
    viewed.fill(-1)
    assert (expected == -1).all()


def test_where_numpy_copies_so_does_a_tensor(tensor):
    for copied in (tensor.T.reshape(-1), tensor.T.flatten(), tensor[[0, 1]], tensor[tensor > 5]):
        assert not shares(copied, tensor) and copied.pool_id is None
    with pytest.raises(ValueError, match="use reshape"):
        tensor.T.view(-1)
    assert tensor[1, 2, 3] == 23.0 and tensor[[True, False]].shape == (1, 3, 4)


def test_a_strided_view_is_sent_as_its_elements(tensor):
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(tensor.T[::2]) and topic.wait(60)
    np.testing.assert_array_equal(topic.recv().numpy(), tensor.numpy().T[::2])


def test_sending_copies(tensor):
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(tensor) and topic.wait(60)
    tensor.fill(0)
    assert topic.recv().tolist()[1][2][3] == 23.0


def test_a_loan_is_moved_and_read_only_from_then_on():
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    loan = topic.loan((2, 2), dtype="uint8")
    loan.fill(4)
    assert topic.send(loan) and loan.read_only
    with pytest.raises(ValueError, match="read-only"):
        loan.fill(5)
    assert topic.send(loan) and topic.wait(60)
    assert topic.recv().tolist() == [[4, 4], [4, 4]]


@pytest.mark.parametrize("operation", [
    lambda t, o: t + o, lambda t, o: t - o, lambda t, o: t * o, lambda t, o: t / o,
    lambda t, o: t // o, lambda t, o: t % o, lambda t, o: t ** o, lambda t, o: o - t,
    lambda t, o: o / (t + 1), lambda t, o: 2 ** t, lambda t, o: -t, lambda t, o: abs(t),
    lambda t, o: t < o, lambda t, o: t <= o, lambda t, o: t == o, lambda t, o: t != o,
    lambda t, o: t > o, lambda t, o: t >= o])
@pytest.mark.parametrize("other", [3, 2.5, "tensor", "array"])
def test_arithmetic_is_numpys_and_makes_new_tensors(tensor, operation, other):
    array = tensor.numpy().copy()
    operand = {"tensor": tensor + 1, "array": array + 1}.get(other, other)
    plain = operand.numpy() if isinstance(operand, horus.Tensor) else operand
    result, expected = operation(tensor, operand), operation(array, plain)
    if other == "array" and not isinstance(result, horus.Tensor):
        pytest.skip("the array is on the left: NumPy's result")
    assert isinstance(result, horus.Tensor) and not np.shares_memory(result.numpy(), tensor.numpy())
    np.testing.assert_array_equal(result.numpy(), expected)
    assert result.dtype == expected.dtype.name
    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_reductions_are_numpys(tensor, name):
    array = tensor.numpy()
    assert float(getattr(tensor, name)()) == float(getattr(array, name)())
    along = getattr(tensor, name)(axis=1)
    assert isinstance(along, horus.Tensor) and along.shape == (2, 4)
    np.testing.assert_array_equal(along.numpy(), getattr(array, name)(axis=1))
    assert getattr(tensor, name)(axis=(0, 2), keepdims=True).shape == (1, 3, 1)
    assert float(getattr(np, name)(tensor)) == float(getattr(array, name)())


def test_results_are_used_as_numbers_and_as_tensors(tensor):
    total = tensor.sum()
    assert total.shape == () and total.item() == 276.0 and int(total) == 276
    assert total == 276 and not total == 1 and tensor.max() > tensor.min()
    many = [tensor * number for number in range(1000)]  # More than pools have blocks.
    assert float(many[999].max()) == 23 * 999.0
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(many[2]) and topic.wait(60)
    assert topic.recv()[1, 2, 3] == 46.0
    converted = (tensor > 11).astype("uint8")
    assert converted.dtype == "uint8" and int(converted.sum()) == 12
    assert (tensor @ tensor.T[:, :, 0]).shape == (2, 3, 3)


def test_a_received_tensor_gives_read_only_views():
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(horus.Tensor((4, 4))) and topic.wait(60)
    received = topic.recv()
    assert received[1:, ::2].read_only and received.T.read_only and not (received + 1).read_only


def test_release_lets_go_of_the_memory_but_not_under_views(tensor):
    view, array, memory = tensor[0], tensor.numpy(), memoryview(tensor)
    exported = np.from_dlpack(tensor)
    assert tensor.refcount > 1
    tensor.release()
    assert tensor.refcount == 0
    for use in (tensor.numpy, tensor.copy, tensor.to_descriptor, tensor.__dlpack__,
                lambda: memoryview(tensor), lambda: tensor + 1, lambda: tensor.shape,
                lambda: tensor.__array_interface__):
        with pytest.raises(ValueError, match="the tensor was released"):
            use()
    with pytest.raises(ValueError, match="released"):
        horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}").send(tensor)
    others = [horus.Tensor((2, 3, 4)) for _ in range(20)]
    assert array[1, 2, 3] == exported[1, 2, 3] == memory[1, 2, 3] == 23.0 and view[0, 1] == 1.0
    tensor.release()
    del others


def test_blocks_of_released_tensors_are_used_again():
    tensors = [horus.Tensor(7777, "uint8") for _ in range(16)]
    pools = {tensor.pool_id for tensor in tensors}
    for tensor in tensors:
        tensor.release()
    assert {horus.Tensor(7777, "uint8").pool_id for _ in range(16)} <= pools


OTHER = """if True:
    import sys, horus
    pool, text = sys.stdin.readline().split()
    tensor = horus.Tensor.from_descriptor(int(pool), bytes.fromhex(text))
    print(tensor.tolist(), tensor.read_only, flush=True)
"""


def test_another_process_finds_a_tensor_by_its_descriptor(tensor):
    view = tensor[:, 1:, ::2]
    descriptor = view.to_descriptor()
    assert len(descriptor) == 168
    done = subprocess.run([PYTHON, "-c", OTHER], text=True, capture_output=True, timeout=60,
                          env=os.environ | {"PYTHONPATH": str(BUILD / "python")},
                          input=f"{view.pool_id} {descriptor.hex()}\n")
    assert done.stdout == f"{view.tolist()} True\n", done.stderr


def test_a_descriptor_that_is_none_is_refused(tensor):
    descriptor = tensor.to_descriptor()
    find = horus.Tensor.from_descriptor
    assert find(tensor.pool_id, descriptor).tolist() == tensor.tolist()
    with pytest.raises(ValueError, match="a descriptor has 168 bytes"):
        find(tensor.pool_id, descriptor[:-1])
    with pytest.raises(ValueError, match="of pool"):
        find(tensor.pool_id ^ 1, descriptor)
    with pytest.raises(ValueError, match="describe no tensor"):
        find(tensor.pool_id, descriptor[:33] + b"\x09" + descriptor[34:])
    with pytest.raises(ValueError, match="is gone"):
        find(tensor.pool_id, descriptor[:8] + bytes(8) + descriptor[16:])
    for nowhere in (tensor + 1, tensor[::-1]):
        with pytest.raises(ValueError, match=r"describe its copy\(\)"):
            nowhere.to_descriptor()


def test_torch_is_asked_for_when_it_is_not_there():
    assert prints("""
        import sys, horus
        sys.modules["torch"] = None
        try:
            horus.Tensor(2).torch()
        except ImportError as error:
            print(error)
    """) == ["Tensor.torch() needs PyTorch, which is not installed: pip install torch"]


def test_torch_shares_the_memory_both_ways(tensor):
    torch = pytest.importorskip("torch")
    shared = tensor.torch()
    shared[1, 2, 3] = -1
    assert tensor[1, 2, 3] == -1
    tensor[0, 0, 0] = 7
    assert shared[0, 0, 0].item() == 7
    bfloat = horus.Tensor(4, "bfloat16")
    bfloat.torch()[:] = 1.5
    assert bfloat.numpy().tobytes() == b"\xc0\x3f" * 4
    image = horus.Image(4, 5)
    torch.from_dlpack(image)[:] = 9
    assert (image[:] == 9).all()
    topic = horus.Topic(horus.Tensor, endpoint=f"tensor/{next(_numbers)}")
    assert topic.send(tensor) and topic.wait(60)
    received = topic.recv()
    with pytest.raises(BufferError, match="copy"):
        received.torch()
    assert received.copy().torch().shape == (2, 3, 4)


@pytest.mark.parametrize("data", [[0.0], [0.0, 1.0], []])
def test_a_tensor_that_was_received_is_one(data):
    assert horus.Tensor.from_numpy(np.array(data, dtype=float))


def test_a_number_and_a_comparison_are_true_as_in_numpy():
    tensor = horus.Tensor.from_numpy(np.array([1.0, 2.0]))
    assert tensor.sum() and not (tensor * 0).sum()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(tensor == tensor)
    assert not tensor[:1] == tensor[1:] and tensor[:1] != tensor[1:]
