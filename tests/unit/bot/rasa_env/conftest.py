"""These tests import Rasa and run in its environment: `.venv-engine/bin/python -m pytest tests/unit/bot/rasa_env`."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("rasa") else ["test_*.py"]
