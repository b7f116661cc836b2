# SPDX-License-Identifier: MIT
"""The connection's life without a socket or a clock: step(state, event, ...) returns the next state and what to do.

The states are those of the JavaScript client, but for those that only a browser has: idle, token, connecting, live,
probing, waiting, stopped. `turn` numbers token calls and sockets; what belongs to another turn is ignored. `clock` and
`stable` are the times at which the driver sends an event of that name; None: never.
"""
from dataclasses import dataclass, replace

from . import backoff


@dataclass(frozen=True)
class State:
    at: str = "idle"
    why: str | None = None
    turn: int = 0
    reconnect: bool = True
    anonymous: bool = False
    waits: int = 0
    token: str | None = None
    rejected: str | None = None  # what the next call for a token is told of
    barred: str | None = None  # a token that the server itself rejected: the same one again stops the machine
    refused: bool = False  # the retry after a rejection is used up, until a connection is stable
    unopened: int = 0
    open: bool = False
    heard: float = 0.0
    heartbeat: float = 0.0  # how long silence may last before a ping; 0: the server knows no ping
    clock: float | None = None
    stable: float | None = None

    @property
    def linked(self):
        return self.at in ("live", "probing")


class Step:
    """One step: it works on a copy and notes the effects."""

    def __init__(self, state, now, random):
        self.state, self.now, self.random, self.effects = state, now, random, []

    def put(self, **changes):
        self.state = replace(self.state, **changes)

    def leave(self, code=None):
        if self.state.linked or self.state.at in ("token", "connecting"):
            self.effects.append(("drop", code))
        self.put(turn=self.state.turn + 1, open=False, clock=None, stable=None)

    def rest(self, at, why=None, code=None):
        self.leave(code)
        self.put(at=at, why=why)

    def ask(self):
        self.leave()
        self.put(at="token", why=None, clock=self.now + backoff.TOKEN)
        self.effects.append(("token", self.state.rejected))

    def wait(self, after=None, later=False):
        """`after` is the server's own delay; with `later` it is the least, and the back-off counts, too."""
        if not self.state.reconnect:
            return self.rest("idle")
        self.leave()
        own = backoff.delay(self.state.waits, self.random)
        after = max(after or 0.0, own) if later else own if after is None else after
        self.put(at="waiting", clock=self.now + after, waits=self.state.waits + 1)

    def refuse(self):
        """The server rejected the token: one retry, at once."""
        self.put(rejected=self.state.token, barred=self.state.token)
        if self.state.refused or not self.state.reconnect:
            return self.rest("stopped", "token_rejected")
        self.put(refused=True)
        self.ask()

    def probe(self):
        self.put(at="probing", clock=self.now + backoff.PONG)
        self.effects.append(("ping", None))

    # --- Events

    def connect(self, reconnect=True, anonymous=False):
        self.put(reconnect=reconnect, anonymous=anonymous)
        if self.state.at == "stopped":
            self.put(waits=0, refused=False)
        if self.state.at in ("idle", "waiting", "stopped"):
            self.ask()

    def disconnect(self):
        self.put(waits=0, refused=False)
        self.rest("idle", None, 1000)

    def token(self, token):
        token = token or ("anonymous" if self.state.anonymous else token)
        if token is None or token == self.state.barred:
            return self.rest("stopped", "token_rejected")
        self.put(token=token, rejected=None, at="connecting", clock=self.now + backoff.CONNECT)
        self.effects.append(("open", token))

    def opened(self):
        self.put(open=True, unopened=0, heard=self.now)
        self.effects.append(("opened", None))

    def authentication(self, success, heartbeat):
        if not success:
            return self.refuse()
        if not self.state.linked:
            self.put(stable=self.now + backoff.STABLE)
        self.put(at="live", heartbeat=heartbeat)
        self.message()

    def message(self):
        self.put(heard=self.now)
        if self.state.linked:
            self.put(at="live", clock=self.now + self.state.heartbeat if self.state.heartbeat else None)

    def force_disconnect(self):
        self.rest("stopped", "signed_out")

    def closed(self, verdict="retry", after=None):
        if self.state.at == "connecting" and not self.state.open:
            # A handshake that never opened may have been a rejected token.
            self.put(unopened=self.state.unopened + 1)
            if self.state.unopened == 3:
                self.put(unopened=0, rejected=self.state.token)
        if verdict == "stop":
            return self.rest("stopped", "closed")
        if verdict == "token":
            return self.refuse()
        later = verdict == "later"
        if later:
            self.put(waits=max(self.state.waits, 2))
        self.wait(after, later)

    def clock(self):
        if self.state.at == "waiting":
            return self.ask()
        if not self.state.linked:
            return self.closed()
        if self.state.at == "live" or self.now - self.state.clock > backoff.LATE:
            return self.probe()  # late: the machine slept, and the answer may lie in the queue
        if self.state.reconnect:
            self.ask()
        else:
            self.rest("idle")

    def stable(self):
        self.put(stable=None, waits=0, refused=False, rejected=None, barred=None)


def step(state, event, now, random, turn=None, **details):
    """Returns the next state and a list of effects; an event of another turn changes nothing."""
    if turn is not None and turn != state.turn:
        return state, []
    taken = Step(state, now, random)
    getattr(taken, event)(**details)
    return taken.state, taken.effects
