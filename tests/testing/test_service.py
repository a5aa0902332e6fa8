"""A test steers the local service: what it plays, what goes wrong, what it heard."""

import json
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from tests.counting import speak
from tests.emulator.protocol_client import (
    TERMINATE,
    next_message,
    session,
    silence,
    talk,
    until_close,
)
from tests.program import DEADLINE_S
from transcribe_cli.errors import UsageError
from transcribe_cli.testing.control_client import ControlFailed
from transcribe_cli.testing.service import AssemblyAIService

TURN = {"type": "Turn", "turn_order": 0, "end_of_turn": True, "transcript": "hello", "words": []}


def test_what_a_client_sent_is_heard(service: AssemblyAIService) -> None:
    audio = speak(3)
    talk(service.url, audio, key="swordfish", format_turns="True", token=None)

    (heard,) = service.wait_for(1)
    heard.assert_parameters(speech_model="u3-rt-pro", format_turns=True, sample_rate=16000)
    heard.assert_messages("Terminate")
    heard.assert_audio(audio)
    heard.assert_terminated()
    assert [chunk["bytes"] for chunk in heard.chunks] == [3200, 3200, 3200]
    assert heard.path == "/v3/ws" and heard.headers["Authorization"] == "[secret]"
    assert "swordfish" not in json.dumps(service.control.ask("GET", "/sessions/last"))


def test_a_difference_is_said_in_two_lines(service: AssemblyAIService) -> None:
    talk(service.url, speak(1), mode="balanced")
    (heard,) = service.wait_for(1)

    with pytest.raises(AssertionError) as e:
        heard.assert_parameters(mode="manual", prompt="x", speech_model="u3-rt-pro")
    assert str(e.value).splitlines() == [
        "the parameters of session 0",
        "  expected: {'mode': 'manual', 'prompt': 'x'}",
        "  came:     {'mode': 'balanced'}",
        "  not sent: prompt",
    ]
    with pytest.raises(AssertionError, match=r"expected: .'ForceEndpoint', 'Terminate'"):
        heard.assert_messages("ForceEndpoint", "Terminate")
    with pytest.raises(AssertionError, match="from byte 2 on"):
        heard.assert_audio(speak(1)[:2] + b"x")


def test_a_failure_shows_the_test_and_nothing_of_ours(service: AssemblyAIService) -> None:
    talk(service.url)
    (heard,) = service.wait_for(1)
    failing: list[Callable[[], None]] = [
        lambda: service.fail_next("dorp@word=3"),
        lambda: service.play([{"saay": "x"}]),
        lambda: heard.assert_messages("KeepAlive"),
        lambda: heard.assert_parameters(mode="manual"),
    ]
    for fail in failing:
        with pytest.raises((ControlFailed, AssertionError)) as e:
            fail()
        shown = {str(entry.path) for entry in e.traceback.filter(e)}
        assert shown == {__file__} and (e.value.__suppress_context__ or not e.value.__context__)


def test_long_texts_differ_where_it_is_shown(service: AssemblyAIService) -> None:
    talk(service.url, prompt="x" * 1000 + "yes")
    (heard,) = service.wait_for(1)
    with pytest.raises(AssertionError, match=r"'\.{3}x{20}no'\}\n.*'\.{3}x{20}yes'"):
        heard.assert_parameters(prompt="x" * 1000 + "no")


def test_a_scenario_is_played_and_forgotten(service: AssemblyAIService) -> None:
    service.play([TURN])
    assert [turn["transcript"] for turn in talk(service.url).finals] == ["hello"]
    service.reset()
    assert talk(service.url).finals == []


def test_a_bad_scenario_is_refused_with_its_line(service: AssemblyAIService) -> None:
    with pytest.raises(ControlFailed, match="the scenario, line 2: "):
        service.play([TURN, {"at_ms": 5}])


def spoken(service: AssemblyAIService, path: str = "/v3/ws", **asked: Any) -> list[str]:
    return talk(service.api_host + path, **asked).spoken


def says(text: str) -> list[dict[str, str]]:
    return [{"say": text}]


def test_each_session_plays_the_next_scenario_and_later_ones_the_last(
    service: AssemblyAIService,
) -> None:
    service.play(says("one"), says("two"))
    service.fail_next("drop@turn=1")
    assert talk(service.url, silence(400)).code == 1006
    assert [spoken(service), spoken(service)] == [["two"], ["two"]]


def test_a_scenario_is_for_sessions_of_a_path_or_a_parameter(service: AssemblyAIService) -> None:
    service.play(says("left"), path="/left")
    service.play(says("first"), says("second"), format_turns=True)
    service.play(says("others"))
    service.play(says("both"), path="/left", format_turns=True)
    service.play(says("new left"), path="/left")
    assert spoken(service, "/left") == ["new left"]
    assert [spoken(service, format_turns="True") for _ in range(2)] == [["first"], ["second"]]
    assert spoken(service, "/left", format_turns="true") == ["both"]
    assert spoken(service, "/right") == ["others"]
    service.reset()
    assert spoken(service, "/left") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"messages": [], "scenarios": [[]]}, "either messages or scenarios"),
        ({}, "either messages or scenarios"),
        ({"scenarios": []}, "length >= 1"),
        ({"scenarios": [[], [{"say": ""}]]}, "scenario 2, line 1: "),
        ({"messages": [], "for": {"speechModel": "x"}}, "A session has no parameter 'speechModel'"),
    ],
)
def test_a_scenario_for_nobody_is_refused(
    service: AssemblyAIService, body: object, said: str
) -> None:
    with pytest.raises(ControlFailed, match=said):
        service.control.ask("PUT", "/scenario", body)


def test_the_next_connection_fails_and_the_one_after_it_does_not(
    service: AssemblyAIService,
) -> None:
    assert talk(service.url, speak(3)).code == 1000
    service.fail_next("drop@word=2")
    assert talk(service.url, speak(3)).code == 1006
    assert talk(service.url, speak(3)).code == 1000
    heard = service.wait_for(3)
    assert [each.ended and each.ended["code"] for each in heard] == [1000, 1006, 1000]
    assert [each.faults for each in heard] == [[], ["drop@word=2"], []]


def test_who_waits_says_how_long_and_is_told_which_sessions_go_on(
    service: AssemblyAIService,
) -> None:
    talk(service.url)
    with session(service.url) as connection:
        next_message(connection)
        with pytest.raises(AssertionError) as e:
            service.wait_for(2, within_s=0.2)
    assert str(e.value).splitlines() == [
        "connections that ended within 0.2 s",
        "  expected: 2 or more",
        "  came:     1; these go on: 1",
    ]
    assert len(service.wait_for(2, within_s=DEADLINE_S)) == 2


def test_a_call_that_would_do_nothing_is_an_error(service: AssemblyAIService) -> None:
    with pytest.raises(ValueError, match="wants a fault"):
        service.fail_next()
    with pytest.raises(ValueError, match="wants an answer"):
        service.answer_llm()
    with pytest.raises(ControlFailed, match="length >= 1"):
        service.control.ask("POST", "/faults", {"faults": []})


def test_a_fault_of_the_next_connections_does_not_pick_them_itself(
    service: AssemblyAIService,
) -> None:
    with pytest.raises(ControlFailed, match="is for the next 1, and names sessions itself"):
        service.fail_next("session=3:drop@begin")


def test_what_was_heard_is_shown_in_a_few_words(service: AssemblyAIService) -> None:
    service.fail_next("refuse=503")
    with pytest.raises(InvalidStatus):
        talk(service.url)
    talk(service.url, silence(60_000))
    refused, heard = service.wait_for(2)
    assert refused.faults == ["refuse=503"] and len(repr(heard)) < 1000


def test_a_model_without_an_engine_begins_and_fails(service: AssemblyAIService) -> None:
    begun = talk(service.url, last=None, speech_model="universal-3-7-preview")
    assert [message["type"] for message in begun.messages] == ["Begin", "Error"]
    assert begun.code == 3005 and begun.error == "Session Cancelled: An error occurred"


def test_a_refused_connection_is_heard_too(service: AssemblyAIService) -> None:
    talk(service.url, speech_model=None)
    (heard,) = service.wait_for(1)
    assert heard.id is None and heard.ended is not None
    assert heard.ended["code"] == 3006 and "Field required" in heard.ended["error"]


def test_what_a_refused_connection_asked_for_is_heard(service: AssemblyAIService) -> None:
    service.fail_next("refuse=503")
    with pytest.raises(InvalidStatus):
        talk(service.url, keyterms_prompt='["a"]')
    assert talk(service.url, sample_rate=5, keyterms_prompt='["a"]').code == 3006
    refused, wrong = service.wait_for(2)
    refused.assert_parameters(speech_model="u3-rt-pro", keyterms_prompt=["a"], sample_rate=16000)
    wrong.assert_parameters(speech_model="u3-rt-pro", keyterms_prompt=["a"], sample_rate="5")
    assert wrong.wav is not None and wrong.audio == b""


def test_a_connection_that_asks_for_nested_nonsense_is_refused_and_heard(
    service: AssemblyAIService,
) -> None:
    nested = '{"a":' * 3000
    assert talk(service.url, llm_gateway=nested).code == 3006
    (heard,) = service.wait_for(1)
    heard.assert_parameters(llm_gateway=nested)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "none"),
        ({"key": "any"}, "key"),
        ({"key": "Bearer any"}, "Bearer"),
        ({"token": "any"}, "token in the URL"),
    ],
)
def test_how_a_client_says_who_it_is_is_heard(
    service: AssemblyAIService, given: dict[str, Any], kind: str
) -> None:
    talk(service.url, speechModel="x", **given)
    (heard,) = service.wait_for(1)
    assert heard.credential == kind and "speechModel=x" in heard.query
    assert "any" not in heard.query


def test_what_a_client_asked_for_in_vain_is_heard(service: AssemblyAIService) -> None:
    update = '{"type":"UpdateConfiguration","prompt":"x","keyterm_prompt":["Ann"]}'
    with session(service.url, speechModel="u3-rt-pro", domain="medical-v1") as connection:
        connection.send(update)
        connection.send(TERMINATE)
        until_close(connection)
    (heard,) = service.wait_for(1)
    assert heard.without_effect == ["domain", "keyterm_prompt", "prompt", "speechModel"]


IN_VAIN: dict[str, Any] = {"acknowledge_silence": True, "language_code": "es", "vad_threshold": 0.9}


@pytest.mark.parametrize(
    ("scenario", "unused"),
    [
        ([], sorted(IN_VAIN)),
        ([{"say": "Hello."}], sorted({*IN_VAIN, "max_turn_silence"})),
        ([TURN], sorted({*IN_VAIN, "max_turn_silence", "redact_pii", "filter_profanity", "mode"})),
    ],
)
def test_what_only_speech_or_a_turn_of_ours_shows_is_named_with_another_engine(
    service: AssemblyAIService, scenario: list[dict[str, object]], unused: list[str]
) -> None:
    if scenario:
        service.play(scenario)
    asked: dict[str, Any] = {"redact_pii": True, "filter_profanity": True, "mode": "balanced"}
    update = '{"type":"UpdateConfiguration","acknowledge_silence":true}'
    asked |= {"speech_model": "universal-3-6-pro", "max_turn_silence": 900}
    with session(service.url, **IN_VAIN, **asked) as connection:
        connection.send(update)
        connection.send(TERMINATE)
        until_close(connection)
    assert service.wait_for(1)[0].without_effect == unused


def test_a_silence_that_may_end_what_is_said_is_not_named(service: AssemblyAIService) -> None:
    service.play([{"say": "Hello."}])
    talk(service.url, mode="manual", max_turn_silence=900)
    talk(service.url, mode="balanced", max_turn_silence=900)
    told = [heard.without_effect for heard in service.wait_for(2)]
    assert told == [[], ["max_turn_silence"]]


def test_a_session_that_the_service_closed_says_so_and_why(service: AssemblyAIService) -> None:
    refused = talk(service.url, last="{not json")
    talk(service.url, bytes(140_000), 140_000, None, sample_rate=96000)
    first, second = (heard.ended or {} for heard in service.wait_for(2))
    assert first == {"code": 3006, "by": "service", "error": refused.error}
    assert (second["code"], second["by"]) == (1009, "service") and "140000" in second["error"]


def test_a_scenario_that_ends_with_an_error_says_so_and_why(service: AssemblyAIService) -> None:
    error = {"type": "Error", "error_code": 3005, "error": "Session Cancelled"}
    ended = {"code": 3005, "by": "service"}
    for lines in ([error], [{"at_ms": 0, "send": error}], [error, TURN]):
        service.play([*lines, {"at_ms": 0, "close": {"code": 3005}}])
        assert talk(service.url).code == 3005
    told, sent, other = (heard.ended for heard in service.wait_for(3))
    assert told == sent == ended | {"error": "Session Cancelled"} and other == ended


def test_a_fault_of_a_request_for_a_token_is_told(service: AssemblyAIService) -> None:
    service.fail_next("token=503")
    codes = [token_status(service.token_url) for _ in range(2)]
    assert (codes, service.token_faults) == ([503, 200], ["token=503"])
    assert service.control.ask("GET")["token_requests"] == 2
    service.reset()
    assert service.token_faults == []


def token_status(token_url: str) -> int:
    place = urlsplit(token_url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=DEADLINE_S)
    connection.request("GET", f"{place.path}?expires_in_seconds=60")
    return connection.getresponse().status


def test_a_message_that_python_cannot_read_is_heard_as_text(service: AssemblyAIService) -> None:
    nested = "[" * 100_000
    talk(service.url, last=nested)
    assert service.wait_for(1)[0].messages == [nested]


def test_a_bad_fault_is_named(service: AssemblyAIService) -> None:
    with pytest.raises(ControlFailed, match=r"The fault 'explode@1s' cannot be set: there is no"):
        service.fail_next("explode@1s")
    assert service.control.ask("GET", "/faults") == {"faults": [], "left": []}


def test_faults_are_set_listed_and_cleared(service: AssemblyAIService) -> None:
    service.control.ask("POST", "/faults", {"faults": ["close=3005@begin"]})
    assert talk(service.url).code == talk(service.url).code == 3005
    assert service.control.ask("GET")["faults"] == ["close=3005@begin"]
    service.control.ask("DELETE", "/faults")
    assert talk(service.url).code == 1000


def test_three_hours_pass_at_once(service: AssemblyAIService) -> None:
    with session(service.url) as connection:
        next_message(connection)
        service.advance(10_799)
        connection.send('{"type":"KeepAlive"}')
        service.advance(2)
        assert until_close(connection).code == 3008


def test_a_silent_client_is_inactive_at_once(service: AssemblyAIService) -> None:
    with session(service.url, inactivity_timeout=3600) as connection:
        next_message(connection)
        service.advance(3600)
        assert "No messages received for 3600 seconds" in until_close(connection).error


def test_a_token_runs_out(service: AssemblyAIService) -> None:
    begun = service.control.ask("GET")["next_connection"]
    assert begun == 0
    service.advance(5)
    assert service.control.ask("POST", "/clock", {"advance_s": 0})["unix_time"] > 5
    with pytest.raises(ControlFailed, match="0 s to a year"):
        service.advance(-1)


def test_reset_ends_sessions_and_counts_anew(service: AssemblyAIService) -> None:
    with session(service.url) as connection:
        next_message(connection)
        service.reset()
        closed = until_close(connection)
    assert (closed.code, closed.reason) == (1001, "The local service was reset")
    assert service.heard == [] and service.control.ask("GET")["next_connection"] == 0


def test_without_the_key_nothing_is_steered(service: AssemblyAIService) -> None:
    from transcribe_cli.testing.control_client import ControlClient

    url = f"{service.api_host.replace('ws', 'http', 1)}/control"
    with pytest.raises(ControlFailed, match="control_key"):
        ControlClient(url, "guessed").ask("GET")
    with pytest.raises(ControlFailed, match="control_key"):
        ControlClient(url, "").ask("POST", "/shutdown")


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/nonsense", None, "There is no GET /control/nonsense"),
        ("GET", "/sessions/last/words", None, "no GET /control/sessions/last/words"),
        ("PUT", "/faults", {}, "There is no PUT /control/faults"),
        ("POST", "/faults", {"faults": ["drop@1s"], "next": 0}, "The body is not what is wanted"),
        ("POST", "/faults", {"fault": "drop@1s"}, "The body is not what is wanted"),
        ("POST", "/clock", [], "The body is not what is wanted"),
        ("POST", "/clock", None, r'wanted: there is none; give {"advance_s": 10800}'),
        ("PUT", "/llm", {"answer": 1}, r'give {"answers": \["Yes."\]}'),
        ("GET", "/sessions/17", None, "There is no session '17'"),
    ],
)
def test_what_the_control_does_not_know_is_said(
    service: AssemblyAIService, method: str, path: str, body: object, said: str
) -> None:
    with pytest.raises(ControlFailed, match=said):
        service.control.ask(method, path, body)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", b"drop@1s"),
        ("POST", "/faults", b'{"faults":["\xff"]}'),
        ("PUT", "/scenario", b'{"messages":[{"x":' + b"[" * 3000),
    ],
)
def test_a_body_that_is_no_json_is_named(
    service: AssemblyAIService, method: str, path: str, body: bytes
) -> None:
    at, key = urlsplit(service.api_host), service.control._key
    connection = HTTPConnection(at.hostname or "", at.port, timeout=DEADLINE_S)
    connection.request(method, f"/control{path}", body, {"Authorization": key})
    answer = connection.getresponse()
    said = json.loads(answer.read())["error"]
    assert answer.status == 400
    assert said.startswith("The body is not what is wanted: it is no JSON; give {")
    connection.close()


def test_faults_that_have_gone_off_are_not_set_any_more(service: AssemblyAIService) -> None:
    service.fail_next("drop@word=1", times=2)
    service.fail_next("token=503")
    service.control.ask("POST", "/faults", {"faults": ["warning@begin"]})
    assert talk(service.url, speak(2)).code == 1006
    told = {"faults": ["drop@word=1", "token=503", "warning@begin"], "left": [1, 1, None]}
    assert service.control.ask("GET", "/faults") == told
    assert service.control.ask("GET")["faults"] == told["faults"]
    assert talk(service.url, speak(2)).code == 1006
    assert token_status(service.token_url) == 503
    left = {"faults": ["warning@begin"], "left": [None]}
    assert service.control.ask("GET", "/faults") == left


def test_a_session_that_ends_before_it_expires_has_not_met_that_fault(
    service: AssemblyAIService,
) -> None:
    for _ in range(2):
        service.fail_next("expire=60s")
    assert talk(service.url).code == 1000
    service.fail_next("expire=60s")
    with session(service.url) as connection:
        next_message(connection)
        service.advance(60)
        assert until_close(connection).code == 3008
    first, second = service.wait_for(2)
    assert (first.faults, second.faults) == ([], ["expire=60s"])


def test_a_path_that_is_none_is_answered(service: AssemblyAIService) -> None:
    at = urlsplit(service.api_host)
    connection = HTTPConnection(at.hostname or "", at.port, timeout=DEADLINE_S)
    connection.request("POST", "//[")
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="--workers is for Linux")
def test_a_service_that_cannot_be_steered_is_refused_and_ends() -> None:
    service = AssemblyAIService("--workers", "2")
    with pytest.raises(UsageError, match="no control"):
        service.__enter__()
    assert service._service.pid is None


def test_the_control_shuts_down() -> None:
    with AssemblyAIService("--max-sessions", "1") as service:
        assert service.control.ask("POST", "/shutdown") == {"stopping": True}
        process = service._service._process
        assert process is not None and process.wait(DEADLINE_S) == 0
