"""What other libraries may write to the log."""

import logging

# At INFO and DEBUG they write whole addresses and headers: signed links of visitors and of results.
TALKATIVE = ("httpx", "httpcore")


def keep_addresses_out() -> None:
    """Let the libraries that make requests write warnings only, whatever level the log has."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logger.level))
