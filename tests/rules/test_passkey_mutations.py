"""Twenty thousand damaged answers: each is refused as one error, or says nothing but the truth."""

import random
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pwauth_server.rules.passkeys import BadPasskeyError, NewPasskey, Use
from tests.authenticator import EDDSA, ES256, RS256
from tests.mutations import damaged
from tests.rules.ceremonies import CREATION, REQUEST, device, known, made, used

#: Of each kind of answer under each algorithm: 20,001 in all.
MANY = 2223


def outcomes(answer: dict[str, Any], judge: Callable[[dict[str, Any]], Any], seed: str) -> list[Any]:
    """Return what was made of many damaged copies of an answer; anything but the one error ends the test."""
    chance, accepted, words = random.Random(seed), [], set[str]()
    for _ in range(MANY):
        try:
            accepted.append(judge(damaged(answer, chance)))
        except BadPasskeyError as error:
            words.add(str(error))
    # The log may hold why, so it is a word of ours (SEC-73).
    assert all(re.fullmatch(r"[a-z0-9 ]{1,20}", word) for word in words)
    return accepted


@pytest.mark.parametrize("algorithm", (ES256, EDDSA, RS256))
def test_damage_signs_nobody_in(algorithm: int) -> None:
    """Whatever of an assertion counts is signed, so damage that passes has changed nothing that counts (SEC-47)."""
    authenticator = device(algorithm=algorithm)
    truth = known(authenticator)
    accepted = outcomes(authenticator.use(REQUEST), partial(used, of=truth), f"use {algorithm}")
    assert set(accepted) <= {Use(sign_count=1, backup_eligible=False, backed_up=False)}
    assert len(accepted) < MANY / 10


@pytest.mark.parametrize("algorithm", (ES256, EDDSA, RS256))
def test_damage_adds_no_other_passkey(algorithm: int) -> None:
    """With the authenticator's own attestation a registration is signed too; only transports are the browser's word (SEC-47)."""
    authenticator = device(algorithm=algorithm)
    answer = authenticator.make(CREATION, fmt="packed")
    accepted = outcomes(answer, made, f"packed {algorithm}")
    honest = made(answer)
    assert {(it.credential_id, it.public_key, it.sign_count, it.aaguid) for it in accepted} <= {
        (honest.credential_id, honest.public_key, honest.sign_count, honest.aaguid)
    }


@pytest.mark.parametrize("algorithm", (ES256, EDDSA, RS256))
def test_damage_without_attestation_is_a_passkey_or_an_error(algorithm: int) -> None:
    """Nothing is signed there: what passes is whole and sound, and nothing but the one error is raised (SEC-46, SEC-47)."""
    authenticator = device(algorithm=algorithm)
    accepted = outcomes(authenticator.make(CREATION), made, f"none {algorithm}")
    assert all(isinstance(it, NewPasskey) and it.credential_id == authenticator.credential_id for it in accepted)
