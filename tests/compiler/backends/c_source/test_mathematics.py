"""The elementary functions in C: as exact as they say, everywhere, whatever the compiler and an element's place."""

import ctypes
import re
import shutil
import subprocess
from functools import cache

import numpy as np
import pytest

from minitorch.compiler.backends.c_source import toolchain
from minitorch.compiler.backends.c_source.mathematics import FLAGS, NAMES, source
from minitorch.compiler.backends.c_source.texts import c_text

TYPES = {"float32": np.uint32, "float64": np.uint64}
BUILDS = {"gcc": ["gcc", "-march=native"], "gcc for any machine": ["gcc"], "clang": ["clang", "-march=native"]}
CLAIMS = {
    name: errors
    for name, *errors in re.findall(r"^//   (\w+) +([\d.]+) +([\d.]+)$", c_text("mathematics.c"), re.MULTILINE)
}

each_function = pytest.mark.parametrize("name", sorted(NAMES))
each_type = pytest.mark.parametrize("dtype", TYPES)


# ---- compiling and calling ----


@pytest.fixture(scope="module", params=BUILDS)
def kernels(request, tmp_path_factory):
    """`kernels(name, dtype)` with one compiler: a function from an array to a new one."""
    command = BUILDS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} here")
    folder = tmp_path_factory.mktemp("mathematics")

    @cache
    def kernel(name, dtype):
        return Kernel(folder / f"{name}_{dtype}", name, dtype, command)

    return kernel


class Kernel:
    def __init__(self, path, name, dtype, command):
        path.with_suffix(".c").write_text(source(name, dtype))
        strict = ["-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
        files = [path.with_suffix(".c"), "-o", path.with_suffix(".so"), "-lm"]
        done = subprocess.run([*command, *FLAGS, *strict, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.function = getattr(ctypes.CDLL(str(path.with_suffix(".so"))), f"mt_{name}_f{dtype[-2:]}")
        self.function.argtypes = ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p
        self.function.restype = None

    def __call__(self, x, y=None):
        y = np.full_like(x, 7) if y is None else y
        assert x.flags.c_contiguous
        self.function(x.size, x.ctypes.data, y.ctypes.data)
        return y


# ---- arguments and true values ----


@cache
def arguments(dtype):
    """All exponents and signs, the spans that are used in practice, and the floats around everything special."""
    random, bits = np.random.default_rng(0), np.dtype(TYPES[dtype])
    if dtype == "float32":
        everywhere = np.arange(77, 2**32, 4321, dtype=np.uint64).astype(bits).view(dtype)
    else:
        everywhere = random.integers(0, 2**64, 100_000, dtype=bits).view(dtype)
        exponents = np.repeat(np.arange(2048, dtype=bits), 8)
        fractions = random.integers(0, 2**52, exponents.size, dtype=bits)
        everywhere = np.concatenate([everywhere, (exponents << bits.type(52) | fractions).view(dtype)])
    spans = [-1, 1], [-20, 20], [-110, 100], [-760, 720], [0.5, 2], [0.99, 1.01], [-1.01, -0.99], [-4, 4], [-1e5, 1e6]
    spread = [random.uniform(*span, everywhere.size // 16).astype(dtype) for span in spans]
    special = np.concatenate([around(point, dtype) for point in points(dtype)])
    return np.concatenate([everywhere, *spread, special, -special, np.array([np.nan, np.inf, -np.inf], dtype)])


def points(dtype):
    """Zero, limits of the type, roots, and where the algorithms change from one formula to another."""
    limits = np.finfo(dtype)
    largest, smallest = float(limits.max), float(limits.smallest_subnormal)
    logs = np.log([largest, float(limits.tiny), smallest])
    changes = [
        0,
        0.25,
        0.34657,
        0.41421356,
        0.5,
        0.70710678,
        1,
        1.41421356,
        2,
        2.4142136,
        4,
        6,
        9.01,
        10,
        19.06,
        20,
        40,
    ]
    ends = [89.416, 103.97, 126, 128, 149, 150, 708.4, 709.78, 710.4758, 745.13, 1022, 1024, 1074, 1075, 2**25, 2**54]
    turns = np.arange(1, 2000) * np.pi / 4
    far = np.arange(2**19, 2**20, 997) * np.pi / 2
    return [*logs, *changes, *ends, *turns[:64], *turns[64::50], *far, 1e6, largest, limits.tiny, smallest]


def around(point, dtype, count=12):
    """The floats next to a point."""
    bits = np.array(point, dtype).view(TYPES[dtype]).astype(np.int64) + np.arange(-count, count + 1)
    return np.maximum(bits, 0).astype(TYPES[dtype]).view(dtype)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def softplus(x):
    return np.where(x > 0, x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x):
    """By mpmath, which is slow: for arguments that differ."""
    mpmath = pytest.importorskip("mpmath", reason="true values of erf")
    different, places = np.unique(x, return_inverse=True)
    true = np.array([np.longdouble(mpmath.nstr(mpmath.erf(float(v)), 25)) for v in different])[places]
    return np.copysign(true, x)


TRUTHS = {"sigmoid": sigmoid, "softplus": softplus, "erf": erf}


@cache
def truth(name, dtype):
    """Arguments, and the function's values in a wider type."""
    x = arguments(dtype)
    if name == "erf":
        x = np.concatenate([x[:: x.size // 4000], np.linspace(-6.5, 6.5, 6000).astype(dtype)])
    wider = np.float64 if dtype == "float32" else np.longdouble
    if np.finfo(wider).nmant < np.finfo(dtype).nmant + 8:
        pytest.skip("NumPy's longdouble is no wider than float64 here")
    with np.errstate(all="ignore"):
        return x, TRUTHS.get(name, getattr(np, name, None))(x.astype(wider))


def ulps(y, true):
    """How far y is from the true values, in units of the last place; infinite where one is NaN or signs differ."""
    limits = np.finfo(y.dtype)
    end = np.ldexp(true.dtype.type(1), limits.maxexp)  # what infinity stands for
    near, clipped = np.clip(y.astype(true.dtype), -end, end), np.clip(true, -end, end)
    unit = np.ldexp(true.dtype.type(1), np.maximum(np.frexp(clipped)[1] - 1, limits.minexp) - limits.nmant)
    numbers = ~np.isnan(true)
    with np.errstate(invalid="ignore"):
        distance = np.where(numbers, np.abs(near - clipped) / unit, 0)
    wrong = (np.isnan(y) == numbers) | (numbers & (np.signbit(y) != np.signbit(true)))
    return np.where(wrong, np.inf, distance).astype(float)


# ---- what they promise ----


def test_errors_are_measured_in_units_of_the_last_place():
    true = np.array([1, 1, 1e-45, 0.0, np.inf, np.nan, 1.0, 0.0, 2.0**128 * (1 - 2.0**-26)])
    y = np.array([1, np.nextafter(np.float32(1), 2), 3e-45, 0, np.inf, np.nan, np.nan, -0.0, np.inf], np.float32)
    assert ulps(y, true).round(2).tolist() == [0, 1, pytest.approx(1.29, 0.01), 0, 0, 0, np.inf, np.inf, 0.25]


def test_every_function_states_its_errors():
    assert CLAIMS.keys() == NAMES
    assert max(float(error) for errors in CLAIMS.values() for error in errors) <= 4


@each_function
@each_type
def test_they_are_as_exact_as_they_say(kernels, name, dtype):
    x, true = truth(name, dtype)
    y = kernels(name, dtype)(x)
    errors = ulps(y, true)
    worst = errors.argmax()
    limit = float(CLAIMS[name][list(TYPES).index(dtype)])
    assert errors[worst] <= limit, f"{name}({x[worst]!r}) is {true[worst]!r}, not {y[worst]!r}: {errors[worst]:.2f} ulp"
    assert errors[worst] > 0


INF = float("inf")
EXACT = {
    "exp": {0.0: 1, INF: INF, -INF: 0},
    "exp2": {0.0: 1, 10.0: 1024, -126.0: 2.0**-126, INF: INF, -INF: 0},
    "expm1": {INF: INF, -INF: -1},
    "log": {1.0: 0, INF: INF, 0.0: -INF},
    "log2": {1.0: 0, 8.0: 3, 2.0**-126: -126, INF: INF, 0.0: -INF},
    "log10": {1.0: 0, 10.0: 1, 1000.0: 3, INF: INF, 0.0: -INF},
    "log1p": {INF: INF, -1.0: -INF},
    "tanh": {INF: 1, -INF: -1, 30.0: 1},
    "sigmoid": {0.0: 0.5, INF: 1, -INF: 0},
    "softplus": {INF: INF, -INF: 0},
    "erf": {INF: 1, -INF: -1, 7.0: 1},
    "cos": {0.0: 1},
    "sinh": {INF: INF, -INF: -INF},
    "cosh": {0.0: 1, INF: INF, -INF: INF},
    "arccos": {1.0: 0},
    "arccosh": {1.0: 0, INF: INF},
    "arcsinh": {INF: INF, -INF: -INF},
    "arctanh": {1.0: INF, -1.0: -INF},
}
ODD = ["expm1", "log1p", "tanh", "erf", "sin", "tan", "sinh", "arcsin", "arctan", "arcsinh", "arctanh"]
NOWHERE = {"log": -1, "log2": -1, "log10": -1, "log1p": -1.5, "sin": INF, "cos": -INF, "tan": INF, "arcsin": 1.5}
NOWHERE |= {"arccos": -1.5, "arccosh": 0.5, "arctanh": 1.5}


@each_function
@each_type
def test_values_that_are_exact(kernels, name, dtype):
    kernel, tiny = kernels(name, dtype), float(np.finfo(dtype).smallest_subnormal)
    expected = EXACT.get(name, {}) | {np.nan: np.nan}
    if name in ODD:
        expected |= {0.0: 0.0, tiny: tiny, -tiny: -tiny, 3 * tiny: 3 * tiny}
        assert np.signbit(kernel(np.array([-0.0], dtype)))[0]
    if name in NOWHERE:
        expected |= {NOWHERE[name]: np.nan}
    np.testing.assert_array_equal(kernel(np.array(list(expected), dtype)), np.array(list(expected.values()), dtype))


@each_function
@each_type
def test_the_bits_depend_on_the_argument_alone(kernels, name, dtype):
    kernel, random = kernels(name, dtype), np.random.default_rng(0)
    x = random.uniform(-3, 3, 80).astype(dtype)
    x[:6] = np.nan, -0.0, np.inf, 1e-39, 1e30, 3e6
    x = random.permutation(x)
    whole = kernel(x)
    for n in range(71):
        for start in (0, 1, 5):
            y = np.full(n + 1, 7, dtype)
            kernel(x[start : start + n], y[:-1])
            np.testing.assert_array_equal(y[:-1], whole[start : start + n])
            assert y[-1] == 7
            same = x[start : start + n].copy()
            np.testing.assert_array_equal(kernel(same, same), whole[start : start + n])
    reversed_ = kernel(x[::-1].copy())[::-1]
    np.testing.assert_array_equal(reversed_, whole)
    assert np.isfinite(whole).sum() > 20


@each_function
@each_type
def test_gcc_makes_vector_instructions_of_them(tmp_path, name, dtype):
    if (name, dtype) == ("tanh", "float32") and vector_bytes() > 16:
        pytest.skip("written in vectors; the next tests look at its instructions")
    report = compiled_by_gcc(tmp_path, name, dtype, "-fopt-info-vec", "-c").stderr
    line = next(i for i, text in enumerate(source(name, dtype).splitlines(), 1) if re.match(r"EXPORT\w*\(", text))
    assert f"unit.c:{line}:" in "".join(l for l in report.splitlines() if "loop vectorized" in l)


def test_tanh_chooses_its_coefficients_in_registers_and_never_divides(tmp_path):
    if vector_bytes() != 64:
        pytest.skip("no vectors of 64 bytes here")
    text = compiled_by_gcc(tmp_path, "tanh", "float32", "-S", "-o-").stdout
    assert len(re.findall(r"\bvperm[it]2ps\b", text)) == 6
    assert "vdiv" not in text


def test_tanh_by_half_its_argument_divides_once_and_compares_nothing(tmp_path):
    if vector_bytes() != 32:
        pytest.skip("no vectors of 32 bytes here, or wider ones")
    text = compiled_by_gcc(tmp_path, "tanh", "float32", "-S", "-o-").stdout
    assert [len(re.findall(rf"\b{name}\b", text)) for name in ("vdivps", "vminps", "vmaxps")] == [1, 1, 1]
    assert "vcmp" not in text
    assert "vblend" not in text


@pytest.mark.parametrize("command", [b for b in BUILDS.values() if "-march=native" in b], ids="-".join)
def test_tanh_in_vectors_is_as_exact_as_it_says_between_zero_and_where_it_is_one(tmp_path, command):
    if vector_bytes() == 16 or not shutil.which(command[0]):
        pytest.skip(f"no vectors of 32 bytes here, or no {command[0]}")
    kernel = Kernel(tmp_path / "tanh", "tanh", "float32", command)
    ends = np.array([1e-4, 9.5], np.float32).view(np.uint32)
    x = np.arange(*ends, 131, dtype=np.uint32).view(np.float32)
    limit, fall = CLAIMS["tanh"][0], 4
    if vector_bytes() == 64:
        limit, fall = re.search(r"with vectors of 64 it is ([\d.]+) off at most", c_text("mathematics.c"))[1], 2
    y = kernel(x)
    assert ulps(y, np.tanh(x.astype(float))).max() <= float(limit)
    assert (np.diff(y.astype(float)) >= -fall * np.spacing(y[1:])).all()
    assert y.max() == y[-1] == 1
    np.testing.assert_array_equal(kernel(-x), -y)


def vector_bytes():
    found = toolchain.find()
    return 16 if found is None or "FMA" not in found.features else found.vector_bytes


def compiled_by_gcc(folder, name, dtype, *options):
    if not shutil.which("gcc"):
        pytest.skip("no gcc here")
    (folder / "unit.c").write_text(source(name, dtype))
    command = ["gcc", *FLAGS, "-march=native", *options, "unit.c"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)


def test_a_unit_holds_what_it_needs_and_no_more():
    assert "tanh_of" in source("tanh", "float32")
    assert "log_sum" not in source("tanh", "float32")
    assert "double value" not in source("tanh", "float32")
    with pytest.raises(ValueError, match="gamma: not one of arccos, "):
        source("gamma", "float32")
