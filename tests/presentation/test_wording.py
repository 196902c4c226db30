import pytest

from kling_ui.disks import Disk
from kling_ui.presentation import wording
from kling_ui.settings import Settings


def _plain(text):
    return text.replace(wording.NBSP, " ")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (wording.size(720, 1280), "720 × 1280 px"),
        (wording.seconds(12), "12.0 s"),
        (wording.rate(24), "24 fps"),
        (wording.rate(30000 / 1001), "29.97 fps"),
        (wording.share(0.314), "31 %"),
        (wording.share(0.0451), "4.5 %"),
        (wording.share(0.0), "0 %"),
        (wording.weight(516_000), "516 kB"),
        (wording.weight(3), "1 kB"),
        (wording.weight(2_700_000), "2.7 MB"),
        (wording.elapsed(45.9), "45 s"),
        (wording.elapsed(125), "2 min 05 s"),
        (wording.ago(59), "just now"),
        (wording.ago(61), "1 min ago"),
        (wording.ago(7300), "2 h ago"),
        (wording.ago(90_000), "1 day ago"),
        (wording.ago(200_000), "2 days ago"),
    ],
)
def test_figures_as_a_person_reads_them(said, text):
    assert _plain(said) == text


def test_a_figure_and_its_unit_stay_on_one_line():
    assert " " not in wording.size(720, 1280)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(ledger_url="sqlite:////a/l.sqlite"), []),
        (Settings(ledger_url="sqlite:////a/l.sqlite", ledger_disk=Disk.NETWORK), ["locks may fail"]),
        (Settings(ledger_url="sqlite:////a/l.sqlite", on_space=True, is_lasting=False), ["persistent storage"]),
        (Settings(ledger_url="postgresql://host/l", on_space=True, is_lasting=False), []),
    ],
)
def test_whoever_runs_the_app_is_told_when_a_ledger_may_be_lost_and_the_way_out(settings, words):
    said = wording.keeping_words(settings)
    assert len(said) == len(words)
    for one, part in zip(said, words, strict=True):
        assert part in one
        assert "KLING_UI_LEDGER_URL" in one
        assert "PostgreSQL" in one
