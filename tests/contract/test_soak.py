"""A small soak: a few hours of every client's shape. The weeks of it run by `make soak`."""

from pathlib import Path

from actors.platform import deployed
from samples import TUTORIALS
from soak.life import Life


@TUTORIALS
async def test_C3_nobody_is_signed_out_without_a_reason_nothing_leaks_and_nothing_grows(tmp_path: Path) -> None:
    async with deployed(tmp_path) as platform:
        life = Life(platform, seed=11)
        await life.live(refreshes=60, calls=200)
    told = life.told()
    assert len(life.faults) >= life.steps / 20, "faults in at least one of twenty steps"
    assert told["clients"] >= 12
    for happened in ("answers lost", "races of refreshes", "refreshes", "calls", "sign-ins: in"):
        assert told[happened], told
