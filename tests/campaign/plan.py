"""What happens in a campaign, all of it settled by the seed: calls, kills and faults."""

import random
from dataclasses import dataclass

__all__ = ["FAULTS", "Kill", "Round", "kills", "rounds"]

# Each at its own moment and all at once, so that every arc from submit to saved files is met.
FAULTS = (
    "submit:drop:chance=0.05",
    "submit:reset:chance=0.04",
    "submit:error=503:chance=0.03",
    "submit:error=503:after:chance=0.03",
    "submit:page=502:after:chance=0.03",
    "submit:error=405:after:chance=0.03",
    "submit:error=429:retry-after=1:chance=0.04",
    "run:drop:chance=0.06",
    "run:reset:chance=0.04",
    "status:page=502:chance=0.05",
    "status:error=404:chance=0.03",
    "status:reset:chance=0.05",
    "stream:cut=60:chance=0.1",
    "stream:error=503:chance=0.1",
    "result:error=500:noid:chance=0.04",
    "result:cut=20:chance=0.06",
    "download:cut=100:chance=0.08",
    "download:error=503:chance=0.05",
    "history:error=503:chance=0.1",
    "history:lag=0.5",
    "history:defaults",
)
# By daemon, which is the default, three times as often as otherwise.
FLOWS = ((), (), (), ("--no-queue",), ("--sync-only",), ("--submit",), ("--submit", "--no-queue"))
LONGEST_LIFE = 2.5


@dataclass(frozen=True, slots=True)
class Round:
    """One call of a model: its prompt, which no other has, and when its process is killed."""

    prompt: str
    options: tuple[str, ...]
    killed_after: float | None


@dataclass(frozen=True, slots=True)
class Kill:
    """So many seconds after the one before, the daemon or the emulator is killed."""

    victim: str
    after: float


def rounds(seed: int, count: int) -> list[Round]:
    """Return the calls of a campaign."""
    chance = random.Random(f"rounds {seed}")
    return [
        Round(
            f"campaign {seed}, round {number}",
            (*chance.choice(FLOWS), "--wait", chance.choice(("1", "5", "20"))),
            chance.uniform(0.1, LONGEST_LIFE) if chance.random() < 0.3 else None,
        )
        for number in range(1, count + 1)
    ]


def kills(seed: int) -> "list[Kill]":
    """Return more kills than any campaign lives to see."""
    chance = random.Random(f"kills {seed}")
    return [
        Kill(chance.choice(("daemon", "daemon", "emulator")), chance.uniform(0.5, 4))
        for _ in range(10_000)
    ]
