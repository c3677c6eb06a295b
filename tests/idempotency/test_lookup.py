"""lookup: what is known of a key, in memory and in the ledger."""

from functools import partial

from gateway.core.clock import instant
from gateway.idempotency.lookup import Lookup
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import NoLedger, Record
from tests.fakes import FakeClock

CLOCK = FakeClock()


class Known(NoLedger):
    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    async def recall(self, key: str) -> Record | None:
        self.asked.append(key)
        return Record(b"x", instant(CLOCK)) if key in self.names else None


def lookup(records: MemoryRecords, ledger: NoLedger) -> Lookup:
    return Lookup(records, partial(instant, CLOCK), ledger)


def memory(*names: str, whole: bool = True) -> MemoryRecords:
    records = MemoryRecords(on_evicted=lambda: None)
    records.whole = whole
    for name in names:
        records.put(name, Record(b"y", instant(CLOCK)), now=instant(CLOCK))
    return records


async def test_a_key_is_known_under_the_name_that_has_a_record() -> None:
    """The second name is from before the scope was changed."""
    found = lookup(memory("order-1"), NoLedger())

    assert await found.known_as(("billing order-1", "order-1")) == "order-1"


async def test_a_new_key_has_its_first_name() -> None:
    """Today's."""
    found = lookup(memory(), NoLedger())

    assert await found.known_as(("billing order-1", "order-1")) == "billing order-1"


async def test_where_memory_is_not_whole_the_journal_is_asked() -> None:
    """A key of more than a day ago must not pass for a new one."""
    records, ledger = memory(whole=False), Known("order-1")

    name = await lookup(records, ledger).known_as(("billing order-1", "order-1"))

    assert (name, ledger.asked) == ("order-1", ["billing order-1", "order-1"])
    assert records.get("order-1", now=instant(CLOCK)) is not None
