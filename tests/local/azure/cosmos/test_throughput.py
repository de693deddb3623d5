"""Request units: what a second has, and what comes when it is spent."""

from apim_policies.clock import Clock
from secure_mcp_local.azure.cosmos.throughput import Throughput, cost


class Still(Clock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1000.25

    def now(self) -> float:
        return self.at


def test_a_second_is_spent_and_the_next_one_is_new() -> None:
    clock = Still()
    throughput = Throughput(clock, limit=10)
    assert [throughput.take(5) for _ in range(2)] == [None, None]
    assert throughput.take(1) == 0.75
    assert throughput.refused == 1
    clock.at = 1001
    assert throughput.take(100) is None, "what comes while there is some left is served"
    assert throughput.take(1) is not None


def test_writes_cost_more_than_reads_and_more_the_larger_they_are() -> None:
    assert cost("GET", 0) == 1
    assert cost("POST", 300) == cost("DELETE", 0) == 5
    assert cost("POST", 4096) == 20
    assert cost("PUT", 300) == 10
