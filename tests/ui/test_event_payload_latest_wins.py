from kling_ui.ui.event_payload import LatestWins


def test_the_newest_claim_wins():
    latest_wins = LatestWins()
    with latest_wins.claim("tab", "image") as older:
        assert older()
        with latest_wins.claim("tab", "image") as newer:
            assert newer()
            assert not older()
        assert not older()


def test_other_places_do_not_matter():
    latest_wins = LatestWins()
    with (
        latest_wins.claim("tab", "image") as ours,
        latest_wins.claim("tab", "video"),
        latest_wins.claim("other", "image"),
    ):
        assert ours()


def test_nothing_is_remembered_of_places_that_were_left():
    latest_wins = LatestWins()
    with latest_wins.claim("tab"):
        pass
    assert not latest_wins._newest


def test_who_only_watches_notices_the_next_claim():
    latest_wins = LatestWins()
    with latest_wins.watch("tab", "image") as quiet, latest_wins.watch("tab", "video") as elsewhere:
        assert quiet()
        with latest_wins.claim("tab", "image") as ours:
            assert ours()
        assert not quiet()
        with latest_wins.watch("tab", "image") as later:
            assert later()
        assert elsewhere()
    assert not latest_wins._quiet
