"""Run PulseAudio on its own socket, as a sound card with a loudspeaker and a microphone."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.servers import ServerProcess

SCRIPT = """
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink sink_name=loudspeaker
load-module module-null-sink sink_name=voice
load-module module-remap-source master=voice.monitor source_name=microphone
set-default-sink loudspeaker
set-default-source microphone
"""
SPOKEN_WITHIN = 60  # seconds


class SoundCard(ServerProcess):
    """Hold the sound card. `address` is for PULSE_SERVER. The microphone hears what `speak` plays."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._socket = folder / "native"
        self._script = folder / "default.pa"
        self.address = f"unix:{self._socket}"
        home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self._env = os.environ | home | {"PULSE_SERVER": self.address}

    @staticmethod
    def available() -> bool:
        return all(map(shutil.which, ("pulseaudio", "paplay")))

    def command(self) -> list[str]:
        options = ["--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        return ["pulseaudio", "-n", *options, "-F", str(self._script)]

    def prepare(self) -> None:
        super().prepare()
        self._script.write_text(SCRIPT.format(socket=self._socket))

    def popen_options(self) -> dict[str, Any]:
        return {"env": self._env}

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._socket)) == 0

    def speak(self, recording: Path) -> None:
        """Play a recording into the microphone, to its end."""
        command = ["paplay", "--device=voice", str(recording)]
        subprocess.run(command, env=self._env, check=True, timeout=SPOKEN_WITHIN)
