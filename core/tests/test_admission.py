"""Slots admit visitors, let them wait, or refuse them."""

import asyncio

import pytest

from core.admission import AtCapacity, Slot, Slots


def slots(**given: int | float) -> Slots:
    return Slots("test", **{"total": 2, "each": 1, "waiting": 2, "waiting_each": 1, "patience": 60.0} | given)  # type: ignore[arg-type]


async def waiting(door: Slots, who: str, weight: int = 1) -> asyncio.Task[Slot]:
    task = asyncio.create_task(door.enter(who, weight))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_a_visitor_over_the_limit_is_refused_and_others_are_admitted() -> None:
    door = slots()
    await door.enter("anna")
    await waiting(door, "anna")
    with pytest.raises(AtCapacity) as turned_away:
        await door.enter("anna")
    assert turned_away.value.status == 429
    assert turned_away.value.retry_after > 0
    await door.enter("ben")


async def test_a_full_server_answers_503() -> None:
    door = slots(waiting=0)
    await door.enter("anna")
    await door.enter("ben")
    with pytest.raises(AtCapacity) as turned_away:
        await door.enter("cleo")
    assert turned_away.value.status == 503


async def test_a_returned_place_goes_to_the_first_who_may_have_it() -> None:
    door = slots()
    anna = await door.enter("anna")
    ben = await door.enter("ben")
    again = await waiting(door, "anna")
    cleo = await waiting(door, "cleo")
    ben.leave()
    await cleo
    assert not again.done()
    anna.leave()
    await again


async def test_light_requests_do_not_pass_heavy_ones() -> None:
    door = slots(total=3)
    anna = await door.enter("anna", 2)
    heavy = await waiting(door, "ben", 3)
    light = await waiting(door, "cleo")
    anna.leave()
    (await heavy).leave()
    await light


async def test_a_place_that_shrinks_admits_the_next() -> None:
    door = slots()
    anna = await door.enter("anna", 2)
    ben = await waiting(door, "ben")
    anna.shrink(1)
    await ben


async def test_a_weight_over_the_total_takes_the_total() -> None:
    door = slots()
    place = await door.enter("anna", 1000)
    assert door.used == 2
    place.leave()
    assert door.used == 0


async def test_a_wait_ends() -> None:
    door = slots(total=1, patience=0.01)
    await door.enter("anna")
    with pytest.raises(AtCapacity) as turned_away:
        await door.enter("ben")
    assert turned_away.value.status == 503


async def test_a_client_that_goes_while_it_waits_leaves_nothing_behind() -> None:
    door = slots(total=1)
    anna = await door.enter("anna")
    ben = await waiting(door, "ben")
    ben.cancel()
    # The place becomes free at this moment.
    anna.leave()
    await asyncio.wait([ben])
    assert door.used == 0
    (await door.enter("cleo")).leave()


async def test_a_client_that_goes_just_when_it_is_let_in_gives_its_place_back() -> None:
    door = slots(total=1)
    anna = await door.enter("anna")
    ben = await waiting(door, "ben")
    anna.leave()
    ben.cancel()
    await asyncio.wait([ben])
    assert door.used == 0
