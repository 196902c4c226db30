import asyncio
import copy
import gc
import pickle
import weakref

import pytest
from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.ui.visitors import IDLE_S, VISITORS_MAX, TokenStore, token_of

PLANTED = "planted-token-0123456789"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keep(clock):
    return TokenStore(clock=clock)


@pytest.mark.parametrize(("text", "secret"), [(f" {PLANTED}\n", PLANTED), ("", None), ("  ", None), (None, None)])
def test_what_is_typed_becomes_a_secret(text, secret):
    token = token_of(text)
    assert (token.get_secret_value() if token else None) == secret
    assert PLANTED not in repr(token)


@pytest.mark.parametrize("text", [f"{PLANTED} two", f"{PLANTED}é", PLANTED + "x" * 4096])
def test_what_cannot_be_a_token_is_refused_without_repeating_it(text):
    with pytest.raises(RunError) as caught:
        token_of(text)
    assert PLANTED not in str(caught.value)


def test_a_token_is_kept_for_its_visitor_only(keep):
    keep.keep("ann", SecretStr(PLANTED))
    assert keep.use("ann") == SecretStr(PLANTED)
    assert keep.use("bob") is None
    assert (keep.holds("ann"), keep.holds("bob")) == (True, False)
    keep.keep("ann", SecretStr("another"))
    assert keep.use("ann") == SecretStr("another")


@pytest.mark.parametrize(("idle_s", "is_kept"), [(IDLE_S - 1, True), (IDLE_S, False)])
def test_a_token_is_wiped_after_an_hour_without_use(keep, clock, idle_s, is_kept):
    keep.keep("ann", SecretStr(PLANTED))
    clock.now += IDLE_S - 1
    assert keep.use("ann") is not None  # used now
    clock.now += idle_s
    assert keep.holds("ann") is is_kept
    assert (keep.use("ann") is not None) is is_kept


def test_asking_whether_there_is_one_is_no_use(keep, clock):
    keep.keep("ann", SecretStr(PLANTED))
    clock.now += IDLE_S / 2
    assert keep.holds("ann")
    clock.now += IDLE_S / 2
    assert not keep.holds("ann")


def test_a_visitor_can_have_it_wiped(keep):
    keep.keep("ann", SecretStr(PLANTED))
    keep.wipe("ann")
    keep.wipe("ann")
    assert keep.use("ann") is None


def test_nothing_of_a_wiped_token_is_left_in_memory(keep, clock):
    class Traced(SecretStr):
        pass

    token = Traced(PLANTED)
    trace = weakref.ref(token)
    keep.keep("ann", token)
    del token
    gc.collect()
    assert trace() is not None
    clock.now += IDLE_S
    keep.wipe_idle()
    gc.collect()
    assert trace() is None


def test_it_is_bounded_and_the_longest_idle_goes_first(keep):
    for number in range(VISITORS_MAX):
        keep.keep(f"visitor-{number}", SecretStr(PLANTED))
    keep.use("visitor-0")
    keep.keep("one more", SecretStr(PLANTED))
    assert keep.holds("visitor-0")
    assert not keep.holds("visitor-1")


def test_wiping_goes_on_by_itself_and_ends_with_everything_wiped(keep, clock):
    seen = []

    async def sleep(seconds):
        clock.now += IDLE_S / 2
        seen.append((seconds, repr(keep)))
        if len(seen) == 4:
            keep.keep("bob", SecretStr(PLANTED))
            raise asyncio.CancelledError

    keep.keep("ann", SecretStr(PLANTED))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keep.keep_wiping(sleep))
    assert [words for _, words in seen] == ["<TokenStore with 1 tokens>"] * 2 + ["<TokenStore with 0 tokens>"] * 2
    assert repr(keep) == "<TokenStore with 0 tokens>"


@pytest.mark.parametrize("escape", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_it_cannot_get_into_any_state(keep, escape):
    keep.keep("ann", SecretStr(PLANTED))
    with pytest.raises(TypeError, match="stay in memory"):
        escape(keep)
    assert PLANTED not in repr(keep) + str(keep)
