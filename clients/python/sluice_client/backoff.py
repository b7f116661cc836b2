# SPDX-License-Identifier: MIT
"""How long to wait, and what a close code asks for. Times are seconds."""
import re

TOKEN = 10.0
CONNECT = 10.0  # for the handshake and `authentication`
STABLE = 5.0  # so long live, and the back-off begins anew
PONG = 10.0
LATE = 5.0  # a timer that fires later than this woke up with the machine
ANSWER = 10.0  # for page_add
LINGER = 1.0  # a page without subscribers is kept so long
CAP = 30.0
GIVEN_CAP = 300.0

STOP = {1002, 1003, 1007, 1008, 1009, 1010, 4400, 4403}


def delay(waits, random):
    """Full jitter: U(0, min(cap, 1 s * 2^waits))."""
    return random * min(CAP, 2.0 ** min(waits, 30))


def retry_after(reason, random):
    """The delay that a server names in the reason of its close frame, up to a tenth longer; None without one."""
    given = re.search(r"\bretry_after_ms=([0-9]+)", reason)
    return min(int(given[1]) / 1000 * (1 + random / 10), GIVEN_CAP) if given else None


def verdict(code):
    """What a close code asks for. "later" is a retry that starts with longer waits."""
    if code == 4401:
        return "token"
    if code == 1013:
        return "later"
    return "stop" if code in STOP else "retry"
