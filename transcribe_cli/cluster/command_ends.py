"""The end of a command's part on the workers, however the command ended."""

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from transcribe_cli.cluster.wire import command_name


class CommandEnds(SchedulerPlugin):  # type: ignore[misc]
    """Takes a command off the workers when its client is gone: it may have been killed."""

    name = "aai-stream-ends"
    idempotent = True  # it knows all commands

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Called by the scheduler when a client is gone."""
        command = command_name(client)

        async def take_off() -> None:
            if command in scheduler.worker_plugins:
                await scheduler.unregister_worker_plugin(comm=None, name=command)

        scheduler.loop.add_callback(take_off)
