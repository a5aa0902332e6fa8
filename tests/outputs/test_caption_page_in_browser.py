"""The captions page as a projector shows it, in a real browser."""

import itertools
import json
from collections.abc import Iterator

import pytest

from tests.browser import Tab, browser
from tests.outputs.talk_on_page import Talk, a_page, port_of
from tests.outputs.turn_records import WHEN
from tests.proxy import Proxy
from tests.transcript.turn_shorthand import decoded
from transcribe_cli.outputs.caption_server import CaptionServer
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turn_text import read_turn_text

pytestmark = pytest.mark.browser

RECORDING = Record(WHEN, "Recording", {"source": "mic"})
SHOWN = "[...document.querySelectorAll('.turn')].map((turn) => turn.innerText.trim())"
STATUS = "document.getElementById('status').innerText"


@pytest.fixture(scope="module")
def window() -> Iterator[Tab]:
    with browser() as running:
        yield running.tab()


@pytest.fixture
def tab(window: Tab) -> Iterator[Tab]:
    yield window
    window.open("about:blank")  # the page would go on looking for its captions


def shows(tab: Tab, *turns: str) -> None:
    """Wait until these are the turns on the page, and no others."""
    wanted = json.dumps(turns, separators=(",", ":"))
    tab.wait(f"JSON.stringify({SHOWN}) === JSON.stringify({wanted})")


def test_partial_is_replaced_and_a_final_is_kept(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        page.write(RECORDING)
        page.write(talk.turn(0, "good", final=False))
        shows(tab, "good")
        tab.value("document.querySelector('.turn').dataset.mark = 'the same one'")
        page.write(talk.turn(0, "good morn", final=False))
        shows(tab, "good morn")
        page.write(talk.turn(0, "Good morning."))
        page.write(talk.turn(1, "how", final=False))
        shows(tab, "Good morning.", "how")
        assert tab.value("document.querySelector('.turn').dataset.mark") == "the same one"
        assert tab.value("document.querySelectorAll('.partial').length") == 1


def test_words_that_may_still_change_look_different(tab: Tab) -> None:
    talk = Talk()
    words = [Word(0, 9, "how", 0.9, True), Word(9, 20, "are", 0.5, False)]
    with a_page() as page:
        tab.open(page.url)
        page.write(talk.turn(0, "how", final=False, words=words))
        shows(tab, "how are")
        assert tab.value("document.querySelector('.settled').textContent") == "how"
        assert tab.value("document.querySelector('.open').textContent.trim()") == "are"


def test_page_reads_turns_as_the_program_does(tab: Tab) -> None:
    texts = [
        "",
        "one two",
        "One, two.",
        "[ Silence] [Music]",
        " [Music] x",
        "今天 天气",
        "one",
        "[]",
    ]
    heard = [[], ["one", "two"], ["今天", "天气"], ["One,", "two."], ["", "one"]]
    turns = [
        Turn(
            transcript=transcript,
            utterance=utterance,
            end_of_turn=end,
            words=[Word(0, 9, text, 0.9, index < sure) for index, text in enumerate(words)],
        )
        for transcript, utterance, words, sure, end in itertools.product(
            texts, texts, heard, (0, 1, 2), (False, True)
        )
    ]
    with a_page() as page:
        tab.open(page.url)
        raw = json.dumps([dict(decoded(turn).raw) for turn in turns])
        read = tab.value(f"{raw}.map(read).map((t) => [t.settled ?? '', t.open ?? '', !!t.sound])")
    for turn, (settled, tentative, sound) in zip(turns, read, strict=True):
        said = read_turn_text(turn)
        if said.non_speech:  # silence is left out
            said = said._replace(settled=said.settled.replace("[Silence] ", ""))
        assert (settled, tentative, sound) == said, turn


def test_partial_that_comes_after_its_final_is_too_late(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        for one in (
            *(talk.turn(0, "Done."), talk.turn(0, "don", final=False)),
            talk.turn(1, "next", final=False),
        ):
            page.write(one)
        shows(tab, "Done.", "next")


def test_reload_shows_the_last_finals_again(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        for one in (talk.turn(0, "One."), talk.turn(1, "Two."), talk.turn(2, "thr", final=False)):
            page.write(one)
        shows(tab, "One.", "Two.", "thr")
        tab.value("document.body.dataset.old = 'yes'")
        tab.call("Page.reload")
        tab.wait("!document.body.dataset.old")
        shows(tab, "One.", "Two.", "thr")
        page.write(talk.turn(2, "Three."))
        shows(tab, "One.", "Two.", "Three.")


def test_lost_connection_misses_nothing_and_shows_nothing_twice(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page, Proxy(page.url) as network:
        tab.open(f"{network.url}/")
        page.write(talk.turn(0, "Before."))
        shows(tab, "Before.")
        tab.value("document.body.dataset.same = 'page'")
        network.cut(reset=True)
        page.write(talk.turn(1, "Meanwhile."))
        page.write(talk.turn(2, "Aft", final=False))
        shows(tab, "Before.", "Meanwhile.", "Aft")
        assert tab.value("document.body.dataset.same") == "page"
        tab.open("about:blank")


def test_page_goes_on_by_itself_when_the_program_starts_again(tab: Tab) -> None:
    first = CaptionServer(0)
    port = port_of(first)
    try:
        tab.open(f"{first.url}?theme=light")
        first.write(RECORDING)
        talk = Talk()
        for number in range(5):
            first.write(talk.turn(number, "Of the first run."))
        tab.wait("document.querySelectorAll('.turn').length === 5")
    finally:
        first.close()
    tab.wait(f"{STATUS} !== 'live'")
    second = CaptionServer(port)
    try:
        second.write(RECORDING)
        second.write(Talk().turn(0, "Of the second run."))
        shows(tab, "Of the second run.")
        assert tab.value("location.search") == "?theme=light"
    finally:
        second.close()


def test_end_is_told_and_the_words_stay(tab: Tab) -> None:
    with a_page() as page:
        tab.open(page.url)
        page.write(Talk().turn(0, "Goodbye."))
        shows(tab, "Goodbye.")
        page.close()
        tab.wait(f"{STATUS} === 'ended'")
        shows(tab, "Goodbye.")


INJECTIONS = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</span></p><svg onload=document.title='owned'>",
    "javascript:alert(1) {{7*7}} ${7*7} &lt;b&gt;",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_was_said_stays_text(tab: Tab, text: str) -> None:
    with a_page() as page:
        tab.open(page.url)
        page.write(
            Talk().turn(0, text, speaker_label=text, language_code='"><script>', utterance=text)
        )
        tab.wait("document.querySelectorAll('.turn').length === 1")
        assert tab.value("document.querySelector('.settled').textContent") == text
        assert tab.value("document.querySelector('.turn b').textContent") == text
        assert tab.value("document.querySelectorAll('.turn *').length") == 4
        assert tab.value("document.title") == "Captions"


def test_text_cannot_turn_itself_round(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        page.write(RECORDING)
        page.write(talk.turn(0, "good \u202egninrom \u2067x"))
        shows(tab, "good gninrom x")
        isolates = "getComputedStyle(document.querySelector('.settled')).unicodeBidi"
        assert tab.value(isolates) == "isolate"


def test_policy_keeps_foreign_scripts_from_running(tab: Tab) -> None:
    with a_page() as page:
        tab.open(page.url)
        tab.value(
            "document.body.append(Object.assign(document.createElement('script'),"
            " {textContent: \"document.title = 'owned'\"}))"
        )
        assert tab.value("document.title") == "Captions"


def test_name_stands_where_the_speaker_changes(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        for order, speaker in enumerate("AAB"):
            page.write(talk.turn(order, f"Turn {order}.", speaker_label=speaker))
        tab.wait("document.querySelectorAll('.turn').length === 3")
        names = "[...document.querySelectorAll('.turn b')].filter((b) => b.offsetHeight)"
        assert tab.value(f"{names}.map((b) => b.textContent)") == ["Speaker A", "Speaker B"]
        page.write(
            Record(
                WHEN,
                "SpeakerRevision",
                {"session": 0, "revisions": [{"turn_order": 1, "speaker_label": "B"}]},
            )
        )
        tab.wait(f"{names}[1]?.closest('.turn').innerText.includes('Turn 1')")


def test_tags_are_shown_unless_they_only_say_silence(tab: Tab) -> None:
    talk = Talk()
    tags = [
        talk.turn(0, " silence", utterance="[ Silence]"),
        talk.turn(1, "m", utterance="[Music]"),
    ]
    with a_page() as page:
        tab.open(page.url)
        for one in (*tags, talk.turn(2, "Hello.")):
            page.write(one)
        shows(tab, "[Music]", "Hello.")
    with a_page(non_speech=False) as page:
        tab.open(page.url)
        for one in (*tags, talk.turn(2, "Hello.")):
            page.write(one)
        shows(tab, "Hello.")


def test_second_file_begins_its_own_turns(tab: Tab) -> None:
    with a_page() as page:
        tab.open(page.url)
        for one in (
            *(RECORDING, Talk().turn(0, "Of the first.")),
            *(RECORDING, Talk().turn(0, "of the sec", final=False)),
        ):
            page.write(one)
        shows(tab, "Of the first.", "of the sec")


def test_newest_words_are_always_on_the_screen(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(page.url)
        for order in range(100):
            page.write(talk.turn(order, f"Turn {order}. " + "and so on " * 20))
        page.write(talk.turn(100, "the newest", final=False))
        tab.wait(f"{SHOWN}.at(-1) === 'the newest'")
        box = tab.value(
            "JSON.stringify(document.querySelector('.turn:last-child').getBoundingClientRect())"
        )
        assert 0 < json.loads(box)["top"] < json.loads(box)["bottom"] <= 720
        assert tab.value("document.querySelectorAll('.turn').length") <= 60
        assert tab.value("document.documentElement.scrollWidth") <= 1280


def test_captions_over_a_picture_are_two_lines_on_nothing(tab: Tab) -> None:
    talk = Talk()
    with a_page() as page:
        tab.open(f"{page.url}?background=transparent")
        for order in range(5):
            page.write(talk.turn(order, f"Turn {order}. " + "and so on " * 20))
        tab.wait("document.querySelectorAll('.turn').length === 5")
        assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
        line = tab.value("parseFloat(getComputedStyle(document.querySelector('.turn')).lineHeight)")
        assert abs(tab.value("document.querySelector('main').clientHeight") - 2 * line) < 2
        assert tab.value("getComputedStyle(document.getElementById('status')).display") == "none"
