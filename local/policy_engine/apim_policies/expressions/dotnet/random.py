"""System.Random."""

from typing import Any

from apim_policies.expressions.dotnet.registry import Method, Model
from apim_policies.expressions.types import (
    BYTES,
    DOUBLE,
    INT,
    VOID,
    Type,
)
from apim_policies.expressions.values.failing import (
    argument_null,
    out_of_range,
)
from apim_policies.expressions.values.numbers import wrapping

PROFILE = 1
_wrap = wrapping(INT)


class RandomSource:
    """System.Random with a seed: Knuth's subtractive generator, as .NET has it; without, numbers from the profile."""

    type = Type("Random")
    _BIG = 2**31 - 1

    def __init__(self, seed: int) -> None:
        subtraction = self._BIG if seed == -(2**31) else abs(seed)
        table = [0] * 56
        mj = 161803398 - subtraction
        table[55] = mj
        mk, ii = 1, 0
        for _ in range(1, 55):
            ii += 21
            if ii >= 55:
                ii -= 55
            table[ii] = mk
            mk = _wrap(mj - mk)
            if mk < 0:
                mk += self._BIG
            mj = table[ii]
        for _ in range(1, 5):
            for i in range(1, 56):
                n = i + 30
                if n >= 55:
                    n -= 55
                table[i] = _wrap(table[i] - table[1 + n])
                if table[i] < 0:
                    table[i] += self._BIG
        self.table, self.first, self.second = table, 0, 21

    def sample(self) -> int:
        self.first = self.first + 1 if self.first + 1 < 56 else 1
        self.second = self.second + 1 if self.second + 1 < 56 else 1
        value = self.table[self.first] - self.table[self.second]
        if value == self._BIG:
            value -= 1
        if value < 0:
            value += self._BIG
        self.table[self.first] = value
        return value

    def double(self) -> float:
        return self.sample() * (1.0 / self._BIG)

    def next(self, low: int = 0, high: int | None = None) -> int:
        if high is None:
            return self.sample()
        if low > high:
            raise out_of_range("minValue")
        span = high - low
        if span <= self._BIG:
            return int(self.double() * span) + low
        raise NotImplementedError("Random.Next of more than two thousand million numbers")

    def below(self, high: int) -> int:
        if high < 0:
            raise out_of_range("maxValue")
        return int(self.double() * high)

    def fill(self, data: bytearray | None) -> None:
        if data is None:
            raise argument_null("buffer")
        for n in range(len(data)):
            data[n] = self.sample() % 256


def _seeded(env: list[Any]) -> RandomSource:
    return RandomSource(int.from_bytes(env[PROFILE].random_bytes(4), "little") >> 1)


_RANDOM = Model(
    methods={
        "Next": [
            Method((), INT, RandomSource.next),
            Method((INT,), INT, RandomSource.below),
            Method((INT, INT), INT, RandomSource.next),
        ],
        "NextDouble": [Method((), DOUBLE, RandomSource.double)],
        "NextBytes": [Method((BYTES,), VOID, RandomSource.fill)],
    },
    constructors=[Method((), Type("Random"), _seeded, env=True), Method((INT,), Type("Random"), RandomSource)],
)


MODELS: dict[str, Model] = {"Random": _RANDOM}
NAMES = {"Random": "System"}
