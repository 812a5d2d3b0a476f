"""Page tokens are opaque, signed, and good for one list of one caller only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import InvalidArgument
from mesh.paging import Paging, page_size

PAGING = Paging("a key that nobody else has, 32 long")
ARGUMENTS = ("ListFollowers", 17)


def encode(position: int) -> str:
    return PAGING.encode(position, arguments=ARGUMENTS, caller_id=5)


def assert_refused(token: str, *, arguments: tuple[object, ...] = ARGUMENTS, caller_id: int = 5) -> None:
    with pytest.raises(InvalidArgument) as raised:
        PAGING.decode(token, arguments=arguments, caller_id=caller_id)
    assert raised.value.reason == "PAGE_TOKEN_INVALID"
    assert [violation.field for violation in raised.value.violations] == ["pageToken"]


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_a_token_gives_its_position_back(position: int) -> None:
    assert PAGING.decode(encode(position), arguments=ARGUMENTS, caller_id=5) == position


def test_no_position_is_no_token_and_the_other_way_round() -> None:
    assert encode(0) == ""
    assert PAGING.decode("", arguments=ARGUMENTS, caller_id=5) == 0


def test_a_token_is_bound_to_the_arguments_and_the_caller() -> None:
    assert_refused(encode(9), arguments=("ListFollowers", 18))
    assert_refused(encode(9), arguments=("ListFollowing", 17))
    assert_refused(encode(9), arguments=("ListFollowers", "17"))
    assert_refused(encode(9), caller_id=6)


def test_another_key_makes_other_tokens() -> None:
    foreign = Paging("another key that is long enough too").encode(9, arguments=ARGUMENTS, caller_id=5)
    assert_refused(foreign)


def test_a_token_with_any_bit_flipped_is_refused() -> None:
    packed = base64.urlsafe_b64decode(encode(123456789))
    for bit in range(len(packed) * 8):
        forged = bytearray(packed)
        forged[bit // 8] ^= 1 << bit % 8
        assert_refused(base64.urlsafe_b64encode(bytes(forged)).decode())


@pytest.mark.parametrize(
    "token", ["x", "=", "AAAA", "é", "\ud800", " ", "1", encode(9)[:-1], encode(9) + "AAAA", "A" * 5000]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert_refused(token)


@given(st.text(min_size=1))
def test_any_text_is_refused(token: str) -> None:
    assert_refused(token)


def test_page_sizes_have_a_default_and_a_maximum() -> None:
    assert page_size(0, default=20, most=100) == 20
    assert page_size(7, default=20, most=100) == 7
    assert page_size(5000, default=20, most=100) == 100


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument) as raised:
        page_size(-1, default=20, most=100)
    assert raised.value.violations[0].field == "pageSize"
