import asyncio

import numpy as np
import pytest
from PIL import Image

from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.protocol import (
    Channel,
    CleanCopyPublisher,
    Delivery,
    EmbeddedPublisher,
    InputFile,
    NoPublisherError,
    PublishedFile,
    PublisherChain,
)

IMAGE, VIDEO = "image.png", "reference.mp4"


class PlayedPublisher:
    """A way that takes what it is told to, and remembers what it has lent."""

    def __init__(self, name, *, takes=(), refuses=()):
        self.name, self.takes, self.refuses = name, takes, refuses
        self.published = set()

    async def publish(self, source, role):
        self.published.add(source.path)
        if role in self.refuses:
            raise NoPublisherError(f"The {role} is refused by {self.name}.")
        return (
            PublishedFile(f"https://{self.name}.example/?sig=s3cret", Delivery(Channel.STORE, self.name))
            if role in self.takes
            else None
        )

    async def foresee(self, source, role):
        if role in self.refuses:
            raise NoPublisherError(f"The {role} is refused by {self.name}.")
        return Delivery(Channel.STORE, self.name) if role in self.takes else None

    async def take_back(self, source):
        self.published.discard(source.path)


@pytest.fixture
def files(tmp_path):
    return InputFile(tmp_path / IMAGE), InputFile(tmp_path / VIDEO)


def publish(files, *publishers):
    return asyncio.run(PublisherChain(publishers, "Do this.").publish(*files))


def hosts(published):
    return published.deliveries.image.host, published.deliveries.video.host


def test_each_file_takes_the_first_way_that_fits_and_the_person_is_told_which(files):
    publishers = (
        PlayedPublisher("a"),
        PlayedPublisher("b", takes=[Kind.VIDEO]),
        PlayedPublisher("c", takes=Kind),
    )
    published = publish(files, *publishers)
    assert published.image_url.startswith("https://c.")
    assert published.video_url.startswith("https://b.")
    assert hosts(published) == ("c", "b")
    assert "s3cret" not in repr(published)


def foresee(files, *publishers):
    return asyncio.run(PublisherChain(publishers, "Do this.").foresee(*files))


def test_every_way_that_fits_is_foreseen_in_turn_and_nothing_is_lent(files):
    first = PlayedPublisher("a", takes=[Kind.VIDEO])
    second = PlayedPublisher("b", takes=Kind)
    planned = foresee(files, first, second)
    assert [delivery.host for delivery in planned.image] == ["b"]
    assert [delivery.host for delivery in planned.video] == ["a", "b"]
    assert not first.published | second.published


def test_a_file_that_no_way_takes_is_foreseen_with_the_reasons(files):
    with pytest.raises(NoPublisherError, match=r"cannot reach RunComfy\. The image is refused by a\.") as caught:
        foresee(files, PlayedPublisher("a", takes=Kind, refuses=[Kind.IMAGE]))
    assert caught.value.advice == "Do this."


def test_the_preview_sends_nothing_anywhere(files):
    planned = asyncio.run(EmbeddedPublisher(None, "http://preview.localhost").foresee(*files))
    assert (planned.image, planned.video) == ((), ())


def test_why_a_better_way_was_not_taken_is_told(files):
    published = publish(files, PlayedPublisher("a", takes=Kind, refuses=[Kind.IMAGE]), PlayedPublisher("b", takes=Kind))
    assert hosts(published) == ("b", "a")
    assert published.deliveries.refusals == ("The image is refused by a.",)


def test_the_same_refusal_of_both_is_told_once(files):
    class Closed(PlayedPublisher):
        async def publish(self, source, role):
            raise NoPublisherError("It is closed.")

    published = publish(files, Closed("a"), PlayedPublisher("b", takes=Kind))
    assert published.deliveries.refusals == ("It is closed.",)


def test_without_any_way_nothing_is_left_lying_around_and_a_remedy_is_named(files):
    publishers = (
        PlayedPublisher("a", takes=[Kind.IMAGE], refuses=[Kind.VIDEO]),
        PlayedPublisher("b", refuses=Kind),
    )
    with pytest.raises(NoPublisherError) as caught:
        publish(files, *publishers)
    assert caught.value.message == (
        "The video cannot reach RunComfy. Nothing was sent. The video is refused by a. The video is refused by b."
    )
    assert caught.value.advice == "Do this."
    assert [publisher.published for publisher in publishers] == [set(), set()]


def test_what_is_lent_can_be_withdrawn_by_another_publisher(files):
    publisher = PlayedPublisher("a", takes=Kind)
    publish(files, publisher)
    assert publisher.published
    asyncio.run(PublisherChain([publisher], "").withdraw(*files))
    assert not publisher.published


def test_taking_back_goes_on_when_the_run_is_cut_off(files):
    class Slow(PlayedPublisher):
        async def take_back(self, source):
            await asyncio.sleep(0.02)
            await super().take_back(source)

    publisher = Slow("a", takes=Kind)

    async def story():
        chain = PublisherChain([publisher], "")
        await chain.publish(*files)
        cut_off = asyncio.create_task(chain.withdraw(*files))
        await asyncio.sleep(0)
        cut_off.cancel()
        await asyncio.gather(cut_off, return_exceptions=True)
        assert publisher.published
        await chain.aclose()

    asyncio.run(story())
    assert not publisher.published


class Offers:
    def __init__(self):
        self.open = {}
        self.count = 0

    def offer(self, path):
        self.count += 1
        address = f"/v1/inputs/{self.count}"
        self.open[address] = path
        return address

    def withdraw(self, address):
        del self.open[address]


def test_offered_files_stay_in_this_process_and_are_taken_back(files):
    offers = Offers()
    chain = EmbeddedPublisher(offers, "http://x")
    published = asyncio.run(chain.publish(*files))
    assert (published.image_url, published.video_url, published.deliveries) == (
        "http://x/v1/inputs/1",
        "http://x/v1/inputs/2",
        None,
    )
    assert list(offers.open.values()) == [source.path for source in files]
    asyncio.run(chain.withdraw(*files))
    asyncio.run(chain.withdraw(*files))
    assert offers.open == {}


def test_offering_a_file_again_forgets_the_first_offer(files):
    offers = Offers()
    chain = EmbeddedPublisher(offers, "http://x")
    asyncio.run(chain.publish(*files))
    asyncio.run(chain.publish(*files))
    assert len(offers.open) == 2
    asyncio.run(chain.withdraw(*files))
    assert offers.open == {}


# --- copies without metadata -----------------------------------------------------------------------------------------


def photo(path):
    """A picture that says where it was taken."""
    tags = Image.Exif()
    tags.get_ifd(0x8825)[29] = PLACE
    Image.new("RGB", (32, 32), "teal").save(path, exif=tags, comment=PLACE)
    return InputFile(path)


PLACE = "48.8584N 2.2945E"


def test_what_is_published_says_nothing_of_where_it_was_taken(tmp_path):
    source, publisher = photo(tmp_path / "image.jpg"), PlayedPublisher("a", takes=Kind)
    assert PLACE.encode() in source.path.read_bytes()
    asyncio.run(CleanCopyPublisher(publisher).publish(source, Kind.IMAGE))
    (sent,) = publisher.published
    assert PLACE.encode() not in sent.read_bytes()
    assert np.array_equal(np.asarray(Image.open(sent)), np.asarray(Image.open(source.path)))
    asyncio.run(CleanCopyPublisher(publisher).take_back(source))
    assert publisher.published == set()
    assert list(tmp_path.iterdir()) == [source.path]


def test_what_cannot_be_copied_is_not_published(tmp_path):
    publisher = PlayedPublisher("a", takes=Kind)
    with pytest.raises(NoPublisherError, match="cannot be copied without its metadata: there is no such file"):
        asyncio.run(CleanCopyPublisher(publisher).publish(InputFile(tmp_path / "image.jpg"), Kind.IMAGE))
    assert publisher.published == set()
