from kling_ui.ui.event_payload import LatestWins


def test_the_newest_claim_wins():
    attention = LatestWins()
    with attention.claim("tab", "image") as older:
        assert older()
        with attention.claim("tab", "image") as newer:
            assert newer()
            assert not older()
        assert not older()


def test_other_places_do_not_matter():
    attention = LatestWins()
    with attention.claim("tab", "image") as ours, attention.claim("tab", "video"), attention.claim("other", "image"):
        assert ours()


def test_nothing_is_remembered_of_places_that_were_left():
    attention = LatestWins()
    with attention.claim("tab"):
        pass
    assert not attention._newest


def test_who_only_watches_notices_the_next_claim():
    attention = LatestWins()
    with attention.watch("tab", "image") as quiet, attention.watch("tab", "video") as elsewhere:
        assert quiet()
        with attention.claim("tab", "image") as ours:
            assert ours()
        assert not quiet()
        with attention.watch("tab", "image") as later:
            assert later()
        assert elsewhere()
    assert not attention._quiet
