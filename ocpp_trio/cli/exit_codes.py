"""What a command says to the shell: 0 done, 1 it failed, 2 wrong arguments, 130 after Ctrl-C, 143 after SIGTERM."""

import signal
from typing import Final

USAGE: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT
