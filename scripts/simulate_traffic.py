"""Writes believable identity traffic, one call a line, for `idsync replay`.

    python scripts/simulate_traffic.py --people 2000 --calls 20000 --seed 7 --output traffic.jsonl

People visit with phones and browsers of their own, with the browser of their household and at kiosks; they
sign up, sign in and out, change their address, come back. One seed gives one file, byte for byte. Memory
grows with the people and devices seen, not with the calls.

Each line is a JSON object. Profiles are named only by the service, so a line that needs an MPID refers to
the earlier line (counted from 1) whose answer brought it:

    {"call":"identify","at_ms":1767225600480,"environment":"production","request_id":"s7-1",
     "known_identities":{"ios_idfv":"5B0F...","ios_idfa":"00000000-0000-0000-0000-000000000000"}}
    {"call":"login","at_ms":1767225600960,"environment":"production","request_id":"s7-2","previous":1,
     "known_identities":{"customerid":"c-7-1","email":"user-7-1@example.com","ios_idfv":"5B0F..."}}
    {"call":"modify","at_ms":1767225601440,"environment":"production","request_id":"s7-3","of":2,
     "identity_changes":[{"identity_type":"email","old_value":"user-7-1@example.com",
                          "new_value":"user-7-1.v2@example.org"}]}

(Shown folded; docs/traffic.md describes every member.)
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Final

Call = dict[str, Any]
"""One line of the file, before it is written."""

START_MS: Final = 1_767_225_600_000
DAY_MS: Final = 86_400_000
OPTED_OUT: Final = "00000000-0000-0000-0000-000000000000"
HOUSEHOLD_SIZE: Final = 3

# What a visitor does next, by weight, depending on who is signed in on the device.
SIGNED_IN: Final = {"identify": 52, "login": 14, "logout": 20, "search": 8, "modify": 6}
SIGNED_OUT: Final = {"identify": 45, "login": 50, "search": 5}
SOMEBODY_ELSE: Final = {"login": 40, "logout": 60}

KIOSK_VISITS: Final = 0.05
FEED_CALLS: Final = 0.03
BLANK_VALUES: Final = 0.04
COPIED_LOGIN_IDS: Final = 0.1
STALE_COPIES: Final = 0.1
WITH_ACCOUNT: Final = 0.7
OPTED_OUT_SHARE: Final = {"ios": 0.6, "android": 0.15}
BLANKS: Final = (("email", ""), ("customerid", None), ("other", "  "))


@dataclass(slots=True, eq=False)
class Device:
    """A phone or browser; `line` is the latest line whose answer it goes by, 0 before the first."""

    name: str
    platform: str
    opted_out: bool
    line: int = 0
    user: Person | None = None


@dataclass(slots=True, eq=False)
class Person:
    """Somebody with devices; `address` counts the email addresses had so far."""

    number: int
    has_account: bool
    devices: list[Device] = field(default_factory=list)
    address: int = 1


class Traffic:
    """A seeded crowd; iterating gives its calls in order."""

    def __init__(
        self, *, people: int, calls: int, seed: int, kiosks: int, households: int, days: int
    ) -> None:
        self._people_limit = people
        self._calls = calls
        self._seed = seed
        self._days = days
        self._random = Random(seed)
        self._people: list[Person] = []
        self._households = [self._device(f"household-{n}", "web") for n in range(households)]
        self._kiosks = [self._device(f"kiosk-{n}", "web") for n in range(kiosks)]
        # Everybody has arrived after four fifths of the calls, but half of all calls are return visits.
        self._arrival_rate = min(0.5, people / (0.8 * calls))

    def __iter__(self) -> Iterator[Call]:
        """Give one call after the other; line 1 comes first."""
        for line in range(1, self._calls + 1):
            yield {
                **self._act(line),
                "at_ms": self._at_ms(line),
                "environment": "production",
                "request_id": f"s{self._seed}-{line}",
            }

    def _act(self, line: int) -> Call:
        person = self._visitor()
        if person.has_account and self._random.random() < FEED_CALLS:
            return {"call": "identify", "known_identities": {"email": self._email(person)}}
        device = self._device_for(person)
        if device.line == 0:
            return self._resolve(line, "identify", device, self._device_ids(device))
        if device.user is person:
            return self._signed_in(line, person, device)
        action = self._choose(SIGNED_OUT if device.user is None else SOMEBODY_ELSE)
        if action == "login" and not person.has_account:
            action = "identify" if device.user is None else "logout"
        if action == "login":
            device.user = person
            return self._resolve(line, action, device, self._login_ids(person) | self._device_ids(device))
        if action == "logout":
            return self._log_out(line, device)
        return self._resolve(line, action, device, self._device_ids(device))

    def _signed_in(self, line: int, person: Person, device: Device) -> Call:
        action = self._choose(SIGNED_IN)
        if action == "modify":
            return self._change_email(person, device)
        if action == "logout":
            return self._log_out(line, device)
        return self._resolve(line, action, device, self._login_ids(person) | self._device_ids(device))

    def _log_out(self, line: int, device: Device) -> Call:
        identities = self._device_ids(device)
        if device.user is not None and self._random.random() < COPIED_LOGIN_IDS:
            identities = self._login_ids(device.user) | identities
        device.user = None
        return self._resolve(line, "logout", device, identities)

    def _change_email(self, person: Person, device: Device) -> Call:
        old = None if self._random.random() < STALE_COPIES else self._email(person)
        person.address += 1
        change = {"identity_type": "email", "old_value": old, "new_value": self._email(person)}
        return {"call": "modify", "of": device.line, "identity_changes": [change]}

    def _resolve(self, line: int, call: str, device: Device, identities: Mapping[str, str | None]) -> Call:
        known = dict(identities)
        if self._random.random() < BLANK_VALUES:
            known.setdefault(*self._random.choice(BLANKS))
        previous = {"previous": device.line} if device.line else {}
        if call != "search":
            device.line = line
        return {"call": call, "known_identities": known, **previous}

    def _visitor(self) -> Person:
        arrived = len(self._people)
        arrives = arrived < self._people_limit and self._random.random() < self._arrival_rate
        if arrives or not arrived:
            self._people.append(self._newcomer(arrived))
            return self._people[-1]
        # Squared: some people come often and most come seldom.
        return self._people[int(arrived * self._random.random() ** 2)]

    def _newcomer(self, number: int) -> Person:
        person = Person(number, self._random.random() < WITH_ACCOUNT)
        count = self._random.choices((1, 2, 3), (45, 35, 20))[0]
        platforms = self._random.choices(("ios", "android", "web"), (35, 30, 35), k=count)
        person.devices = [self._device(f"{number}-{n}", platform) for n, platform in enumerate(platforms)]
        household = number // HOUSEHOLD_SIZE
        if household < len(self._households):
            person.devices.append(self._households[household])
        return person

    def _device(self, name: str, platform: str) -> Device:
        return Device(name, platform, self._random.random() < OPTED_OUT_SHARE.get(platform, 0.0))

    def _device_for(self, person: Person) -> Device:
        if self._kiosks and self._random.random() < KIOSK_VISITS:
            return self._random.choice(self._kiosks)
        return self._random.choice(person.devices)

    def _choose(self, weights: Mapping[str, int]) -> str:
        return self._random.choices(tuple(weights), tuple(weights.values()))[0]

    def _device_ids(self, device: Device) -> dict[str, str | None]:
        match device.platform:
            case "ios":
                advertising = OPTED_OUT if device.opted_out else self._uuid("idfa", device.name).upper()
                return {"ios_idfv": self._uuid("idfv", device.name).upper(), "ios_idfa": advertising}
            case "android":
                advertising = OPTED_OUT if device.opted_out else self._uuid("aaid", device.name)
                return {
                    "android_uuid": self._digest("uuid", device.name).hex()[:16],
                    "android_aaid": advertising,
                }
            case _:
                return {"device_application_stamp": self._uuid("stamp", device.name)}

    def _login_ids(self, person: Person) -> dict[str, str | None]:
        return {"customerid": f"c-{self._seed}-{person.number}", "email": self._email(person)}

    def _email(self, person: Person) -> str:
        name = f"user-{self._seed}-{person.number}"
        return f"{name}@example.com" if person.address == 1 else f"{name}.v{person.address}@example.org"

    def _uuid(self, kind: str, name: str) -> str:
        return str(uuid.UUID(bytes=self._digest(kind, name), version=4))

    def _digest(self, kind: str, name: str) -> bytes:
        """Derive 16 bytes from the seed, so that no value has to be remembered."""
        return blake2b(f"{self._seed}/{kind}/{name}".encode(), digest_size=16).digest()

    def _at_ms(self, line: int) -> int:
        """Spread the lines over the days, fewer by night than by day; never goes back."""
        day, share = divmod((line - 1) / self._calls * self._days, 1.0)
        return START_MS + int((day + share + 0.1 * math.sin(2 * math.pi * share)) * DAY_MS)


def positive(text: str) -> int:
    """Read an argument that must be at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def not_negative(text: str) -> int:
    """Read an argument that must be at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is less than 0")
    return number


def main(arguments: list[str] | None = None) -> None:
    """Write the traffic that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write believable identity traffic, one JSON call a line.")
    parser.add_argument("--people", type=positive, default=1_000, help="at most so many different visitors")
    parser.add_argument("--calls", type=positive, default=10_000, help="lines to write")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same file")
    parser.add_argument("--kiosks", type=not_negative, default=2, help="devices that anybody may use")
    parser.add_argument(
        "--households",
        type=not_negative,
        default=100,
        help=f"browsers shared by {HOUSEHOLD_SIZE} people each",
    )
    parser.add_argument("--days", type=positive, default=7, help="days over which the calls are spread")
    parser.add_argument("--output", type=Path, help="file to write; standard output if absent")
    options = vars(parser.parse_args(arguments))
    output: Path | None = options.pop("output")
    with ExitStack() as stack:
        try:
            lines = stack.enter_context(output.open("w", encoding="utf-8")) if output else sys.stdout
        except OSError as error:
            parser.error(f"cannot write {output}: {error.strerror}")
        for call in Traffic(**options):
            lines.write(json.dumps(call, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):  # a reader like `head` may stop early; that is no error of ours
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
