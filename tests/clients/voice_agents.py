"""The plugins of frameworks for voice agents against a local service; `.ci/clients` runs it.

`python -m tests.clients.voice_agents PACKAGE ...`. Not a test of pytest: the plugins come with
hundreds of packages, in environments of their own.
"""

import asyncio
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from tests.counting import speak
from transcribe_cli.testing.service import AssemblyAIService

_AUDIO = speak(12)
_CHUNKS = [_AUDIO[at : at + 3200] for at in range(0, len(_AUDIO), 3200)]
_EXPECTED = ["w1 w2 w3 w4 w5", "w6 w7 w8 w9 w10", "w11 w12"]
_ASKED: tuple[dict[str, Any], ...] = (
    {"model": "universal-streaming-multilingual", "format_turns": True},
    {"model": "universal-streaming-english", "format_turns": True},
    {"model": "u3-rt-pro"},
    {"model": "universal-3-6-pro"},
)


async def pipecat_finals(service: AssemblyAIService, asked: dict[str, Any]) -> list[str]:
    """The finals that pipecat's service passes on."""
    from pipecat.frames.frames import EndFrame, InputAudioRawFrame, TranscriptionFrame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams, PipelineTask
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.services.assemblyai.stt import AssemblyAISTTService

    finals: list[str] = []

    class Listener(FrameProcessor):  # type: ignore[misc]
        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TranscriptionFrame):
                finals.append(frame.text)
            await self.push_frame(frame, direction)

    stt = AssemblyAISTTService(
        api_key="any",
        api_endpoint_base_url=service.url,
        sample_rate=16000,
        settings=AssemblyAISTTService.Settings(**asked),
    )
    task = PipelineTask(
        Pipeline([stt, Listener()]), params=PipelineParams(audio_in_sample_rate=16000)
    )

    async def feed() -> None:
        await asyncio.sleep(1)  # until it is connected
        for chunk in _CHUNKS:
            await task.queue_frame(InputAudioRawFrame(chunk, 16000, 1))
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.5)
        await task.queue_frame(EndFrame())

    await asyncio.gather(PipelineRunner(handle_sigint=False).run(task), feed())
    return finals


async def livekit_finals(service: AssemblyAIService, asked: dict[str, Any]) -> list[str]:
    """The finals that LiveKit's plugin passes on."""
    import aiohttp
    from livekit import rtc
    from livekit.agents.stt import SpeechEventType
    from livekit.plugins import assemblyai

    finals: list[str] = []
    async with aiohttp.ClientSession() as http:
        stt = assemblyai.STT(api_key="any", base_url=service.api_host, http_session=http, **asked)
        stream = stt.stream()

        async def read() -> None:
            finals.extend(
                [
                    event.alternatives[0].text
                    async for event in stream
                    if event.type == SpeechEventType.FINAL_TRANSCRIPT
                ]
            )

        reader = asyncio.create_task(read())
        for chunk in _CHUNKS:
            stream.push_frame(rtc.AudioFrame(chunk, 16000, 1, len(chunk) // 2))
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        stream.end_input()
        await reader
        await stream.aclose()
    return finals


async def videosdk_finals(service: AssemblyAIService, asked: dict[str, Any]) -> list[str]:
    """The finals that VideoSDK's plugin passes on."""
    from videosdk.agents import SpeechEventType
    from videosdk.plugins.assemblyai import AssemblyAISTT

    finals: list[str] = []

    async def keep(response: Any) -> None:
        if response.event_type == SpeechEventType.FINAL:
            finals.append(response.data.text)

    stt = AssemblyAISTT(
        api_key="any",
        base_url=service.api_host,
        input_sample_rate=16000,
        speech_model=asked["model"],
        format_turns=asked.get("format_turns", False),
    )
    stt.on_stt_transcript(keep)
    for chunk in _CHUNKS:
        await stt.process_audio(_both_sides(chunk))
        await asyncio.sleep(0.05)
    await stt.flush()
    await asyncio.sleep(0.5)
    await stt.aclose()
    return finals


def _both_sides(samples: bytes) -> bytes:
    """Stereo, as a room sends it."""
    return b"".join(samples[at : at + 2] * 2 for at in range(0, len(samples), 2))


async def vision_agents_finals(service: AssemblyAIService, asked: dict[str, Any]) -> list[str]:
    """The finals that the plugin of Vision Agents passes on; it knows one address only."""
    import numpy
    from getstream.video.rtc.track_util import AudioFormat, PcmData
    from vision_agents.core.edge.types import Participant
    from vision_agents.plugins.assemblyai import stt as plugin

    finals: list[str] = []

    class Listener(plugin.STT):  # type: ignore[misc]
        def _emit_transcript_event(self, text: str, *given: Any, mode: str = "final") -> None:
            if mode == "final":
                finals.append(text)
            super()._emit_transcript_event(text, *given, mode=mode)

    plugin.WS_BASE_URL = service.url
    stt = Listener(api_key="any", speech_model=asked["model"])
    await stt.start()
    somebody = Participant(original=None, user_id="somebody", id="somebody")
    for chunk in [*_CHUNKS, *[bytes(3200)] * 15]:  # its last turn ends in silence, or is lost
        samples = numpy.frombuffer(chunk, dtype=numpy.int16)
        pcm = PcmData(samples=samples, sample_rate=16000, format=AudioFormat.S16, channels=1)
        await stt.process_audio(pcm, somebody)
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    await stt.close()
    return finals


_CLIENTS = {
    "pipecat-ai": pipecat_finals,
    "livekit-plugins-assemblyai": livekit_finals,
    "videosdk-plugins-assemblyai": videosdk_finals,
    "vision-agents-plugins-assemblyai": vision_agents_finals,
}


async def main(packages: Sequence[str]) -> int:
    """Try each client with each model; how many did not hear everything."""
    failed = 0
    with AssemblyAIService() as service:
        for package in packages:
            for asked in _ASKED:
                async with asyncio.timeout(60):
                    finals = [text for text in await _CLIENTS[package](service, asked) if text]
                good = finals == _EXPECTED
                failed += not good
                said = "heard all" if good else f"heard {finals}"
                sys.stdout.write(f"{package} {version(package)}, {asked['model']}: {said}\n")
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
