"""How often Python looks for objects that only hold each other, and at which: meanwhile the event loop stands still."""

import gc

# So many objects more than were freed let it look at the youngest; so many looks at those, at what outlived one; and
# so many of these, at everything. Python's own are 700, 10 and 10.
THRESHOLDS = (2_000, 20, 50)


def settle() -> None:
    """Look at none of the objects that there are by now again, and more rarely at later ones, in all of this process.

    What the app is made of, 200,000 objects and more, stays as long as the process. To look at all of it again and
    again took 0.3 s each time on two busy cores. Whoever makes and drops whole apps in one process does not call this.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
