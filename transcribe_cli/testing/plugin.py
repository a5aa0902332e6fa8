"""The pytest plugin: the fixture `assemblyai_service`. Imports nothing of ours until it is used.

```python
@pytest.mark.assemblyai_service(scenario=[{"say": "Hello."}])
def test_my_app(assemblyai_service):
    assemblyai_service.fail_next("drop@turn=1")
    my_app.transcribe(assemblyai_service.url)
    assemblyai_service.wait_for(2)[1].assert_terminated()
```
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from transcribe_cli.testing.service import AssemblyAIService

# A test that fails shows its own line, and none of these.
__tracebackhide__ = True
_MARK = "assemblyai_service"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{_MARK}(scenario): what the local service of the fixture {_MARK} plays"
    )


@pytest.fixture(scope="session")
def assemblyai_service_process() -> "Iterator[AssemblyAIService]":
    """One service for all tests of a process; `assemblyai_service` is it, as new for each test."""
    from transcribe_cli.testing.service import AssemblyAIService

    with AssemblyAIService() as service:
        yield service


@pytest.fixture
def assemblyai_service(
    request: pytest.FixtureRequest, assemblyai_service_process: "AssemblyAIService"
) -> "AssemblyAIService":
    """A local service that speaks the AssemblyAI Streaming v3 protocol, as new."""
    assemblyai_service_process.reset()
    mark = request.node.get_closest_marker(_MARK)
    if mark is not None and (scenario := _scenario_of(mark)) is not None:
        assemblyai_service_process.play(scenario)
    return assemblyai_service_process


def _scenario_of(mark: pytest.Mark) -> Any:
    """What a mark asks to be played.

    A mark that is not written as it should be, and would have no effect, fails its test.
    """

    def scenario_of(scenario: Any = None) -> Any:
        return scenario

    try:
        return scenario_of(*mark.args, **mark.kwargs)
    except TypeError as e:
        said = str(e).partition("() ")[2]
    pytest.fail(f"@pytest.mark.{_MARK}(scenario=[...]) {said}", pytrace=False)
