"""The official JavaScript SDK over wss against a local service; `.ci/clients` runs it."""

import json
import os
import subprocess
import sys

from transcribe_cli.testing.service import AssemblyAIService

_EXPECTED = ["w1 w2 w3 w4 w5", "w6 w7 w8 w9 w10", "w11 w12"]


def main() -> int:
    """Run the program with node; 0 where it heard everything."""
    with AssemblyAIService("--tls") as service:
        ready = service._service.ready
        assert ready is not None and ready.ca_file is not None
        ran = subprocess.run(
            ["node", sys.argv[1], service.url],
            env=os.environ | {"NODE_EXTRA_CA_CERTS": ready.ca_file},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
    finals = json.loads(ran.stdout)
    sys.stdout.write(f"assemblyai (npm): {finals}\n")
    return 0 if finals == _EXPECTED else 1


if __name__ == "__main__":
    sys.exit(main())
