from dataclasses import dataclass


@dataclass(slots=True)
class ExportProgress:
    """Hold the share that is done, from 0 to 1, and the number of recordings whose sound is lost."""

    share: float = 0.0
    unheard: int = 0
