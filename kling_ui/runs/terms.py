"""On what terms somebody may run something: whose money it may cost, and how much may be open at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is granted to whoever asks; without anything said, all that the person at this machine may do.

    Attributes:
        app_token: The app's own token may pay for their runs, and read what they would cost.
        any_request: The app's own token may also ask for requests that it made for nobody's known run, or for others.
        payer: Under which name the app's money that they spend is counted: an account's or an address's, never one
            that a browser chose; empty counts by the visitor whose run it is.
        share_usd: The most of the app's money, in US dollars, that goes to one payer a day (UTC); ``None`` sets no
            limit.
        address: The key of the network address from which they ask; empty when it does not count.
        previews_max: Previews of theirs, and of their address, that may wait or be drawn at once; ``None`` sets no
            limit.
    """

    app_token: bool = True
    any_request: bool = True
    payer: str = ""
    share_usd: float | None = None
    address: str = ""
    previews_max: int | None = None


OWNER = Terms()  # whoever has this machine
