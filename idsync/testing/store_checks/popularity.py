"""A value held by thousands of profiles makes no call slow, and no bound changes a decision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from idsync.model.changes import Applied
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import NEW
from idsync.model.view import Holders, Ranked
from idsync.testing.capability import Capability, needs
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, NICKNAME, OTHER_DEVICE, numbered
from idsync.testing.work import Work, counted

__all__ = ["PopularityChecks"]

_FEW: Final = 50
_MANY: Final = 2_000
_AT_ONCE: Final = 250
_TRIES: Final = 3

Look = Callable[[], Awaitable[object]]


class PopularityChecks:
    """A kiosk, a leaked default, an advertising ID that an agency sends for everybody."""

    async def test_every_holder_is_there_in_order(self, scribe: Scribe) -> None:
        """However a store bounds its reads: count, membership and order are those of all holders."""
        anonymous = await _crowd(scribe, OTHER_DEVICE, _FEW)
        known = await _crowd(scribe, OTHER_DEVICE, _FEW, IdentityType.CUSTOMERID)
        await scribe.store.settle()

        holders = (await scribe.look(OTHER_DEVICE)).holders(OTHER_DEVICE)

        assert holders is not None
        for ranked, expected in ((holders.anonymous, anonymous), (holders.known, known)):
            assert list(ranked.newest_first()) == expected[::-1]
            assert len(ranked) == _FEW
            assert all(mpid in ranked for mpid in expected)

    @needs(Capability.BOUNDED_READS)
    async def test_looking_at_a_popular_value_is_no_more_work(self, scribe: Scribe) -> None:
        """Membership, count and newest are answered without walking all of two thousand."""
        await _crowd(scribe, DEVICE, _FEW)
        crowd = await _crowd(scribe, OTHER_DEVICE, _MANY)
        await scribe.store.settle()

        async def look(identity: Identity) -> tuple[int, Mpid]:
            # a store far away knows of the oldest because it is named
            holders = _found(await scribe.look(identity, profiles=[crowd[0]]), identity)
            return _glance(holders.anonymous, crowd[0])

        few, many = await _work(lambda: look(DEVICE)), await _work(lambda: look(OTHER_DEVICE))

        assert await look(OTHER_DEVICE) == (_MANY, crowd[-1])
        assert _no_more(many, few)

    @needs(Capability.BOUNDED_READS)
    async def test_popular_known_holders_do_not_slow_anonymous_ones(self, scribe: Scribe) -> None:
        """A walk needs the anonymous holders of a device, be it on ever so many accounts."""
        for identity, size in ((DEVICE, _FEW), (OTHER_DEVICE, _MANY)):
            await scribe.create(identity)
            await _crowd(scribe, identity, size, IdentityType.CUSTOMERID)
        await scribe.store.settle()

        async def look(identity: Identity) -> tuple[int, Mpid]:
            view = await scribe.look(identity, profiles=[12_345])
            return _glance(_found(view, identity).anonymous, 12_345)

        few, many = await _work(lambda: look(DEVICE)), await _work(lambda: look(OTHER_DEVICE))

        assert (await look(OTHER_DEVICE))[0] == 1
        assert _no_more(many, few)

    @needs(Capability.BOUNDED_READS)
    async def test_writing_a_popular_value_is_no_more_work(self, scribe: Scribe) -> None:
        """One holder more costs the same whether there were fifty or two thousand."""
        await _crowd(scribe, DEVICE, _FEW)
        await _crowd(scribe, OTHER_DEVICE, _MANY)
        await scribe.store.settle()

        async def write(identity: Identity) -> None:
            creation = await scribe.prepare(NEW, *scribe.creation(identity), identities=[identity])
            [result] = await scribe.store.apply([creation])
            assert isinstance(result, Applied)

        few, many = await _work(lambda: write(DEVICE)), await _work(lambda: write(OTHER_DEVICE))
        await scribe.store.settle()

        assert len(_found(await scribe.look(OTHER_DEVICE), OTHER_DEVICE).anonymous) == _MANY + _TRIES
        assert _no_more(many, few)

    @needs(Capability.BOUNDED_READS)
    async def test_the_place_of_one_among_many_is_no_more_work(self, scribe: Scribe) -> None:
        """Whether a profile was overtaken is asked with every call (ID-011)."""
        first_of_few = (await _crowd(scribe, DEVICE, _FEW))[0]
        first_of_many = (await _crowd(scribe, OTHER_DEVICE, _MANY))[0]
        await scribe.add(first_of_many, NICKNAME)
        await scribe.store.settle()

        async def look(identity: Identity, mpid: Mpid) -> bool:
            profile = (await scribe.look(identity, profiles=[mpid])).profile(mpid)
            assert profile is not None
            return profile.overtaken

        few = await _work(lambda: look(DEVICE, first_of_few))
        many = await _work(lambda: look(OTHER_DEVICE, first_of_many))

        assert await look(OTHER_DEVICE, first_of_many)
        assert _no_more(many, few)

    @pytest.mark.parametrize("size", [_FEW])
    async def test_pages_of_holders_are_complete(self, scribe: Scribe, size: int) -> None:
        """A page goes on below the recency of the last one before it."""
        crowd = await _crowd(scribe, DEVICE, size)
        await scribe.give_back(crowd[0])
        pages: list[list[Mpid]] = []
        before: int | None = None
        while page := await scribe.store.find_profiles(scribe.graph, DEVICE, 7, before):
            pages.append(page)
            before = (await scribe.store.profiles(scribe.graph, page[-1:]))[page[-1]].recency

        assert [mpid for page in pages for mpid in page] == [crowd[0], *crowd[:0:-1]]
        assert all(len(page) == 7 for page in pages[:-1])


async def _crowd(
    scribe: Scribe, identity: Identity, size: int, own: IdentityType | None = None
) -> list[Mpid]:
    """Create many holders of one value, each with a value of its own besides if `own` says so."""
    mpids: list[Mpid] = []
    while len(mpids) < size:
        batch = [
            await scribe.prepare(
                NEW, *scribe.creation(identity, *([] if own is None else [numbered(own, len(mpids) + i)]))
            )
            for i in range(min(_AT_ONCE, size - len(mpids)))
        ]
        mpids += [result.mpid for result in await scribe.apply(*batch) if isinstance(result, Applied)]
    return mpids


def _found(view: object, identity: Identity) -> Holders:
    holders: Holders | None = view.holders(identity)  # type: ignore[attr-defined]
    assert holders is not None
    return holders


def _glance(ranked: Ranked, stranger: Mpid) -> tuple[int, Mpid]:
    """Ask what a walk asks: how many, is somebody among them, who is the newest."""
    _ = stranger in ranked
    return len(ranked), next(iter(ranked.newest_first()))


async def _work(look: Look) -> Work:
    """Count the work of the cheapest of several tries: a cache may fill, a loop may run something else."""
    tries = []
    for _ in range(_TRIES):
        with counted() as work:
            await look()
        tries.append(work)
    return Work(min(work.calls for work in tries), min(work.peak_bytes for work in tries))


def _no_more(many: Work, few: Work) -> bool:
    """Compare with room for a deeper tree or a longer list of chunks, not for one step a holder."""
    return many.calls <= 2 * few.calls + 100 and many.peak_bytes <= 2 * few.peak_bytes + 8_192
