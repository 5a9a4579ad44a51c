"""Which recipe the station judges by, and how it comes to another one: loaded in a thread of its own, as a large model may take
minutes (TensorRT builds an engine for it) and the station's heart has to beat meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edge.config import Station
from edge.errors import SettingsError
from edge.judge import Judge
from edge.recipe_active import load_active
from edge.switch import Switch

WAIT_S = 0.05


class _Loading:
    """A recipe and its model on their way, warmed up at the end."""

    def __init__(self, number: int, load: Callable[[], Judge]) -> None:
        self.number = number
        self._load = load
        self._judge: Judge | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="recipe", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._judge = self._load()
        except Exception as error:  # whatever it is: it is told to whoever asks for the judge
            self._error = error

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def judge(self) -> Judge:
        """What has been loaded; raises what has kept it from that."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._judge is not None
        return self._judge


class RecipeChange:
    """
    Attributes:
        number: by which the PLC asks for the recipe that judges; 0 where it has none.
        fault: why the one asked for last does not judge; empty where it does.
        switch: loads each recipe with the model that is active for its product, and changes models.
        changed_ns: CLOCK_MONOTONIC since when the present one judges; what was triggered before is not for it.
    """

    def __init__(self, config: Station) -> None:
        self._config = config
        self.switch = Switch(config)
        self._loading: _Loading | None = None
        self.number = next((int(n) for n, file in config.recipes.items() if file == config.recipe), 0)
        self.fault = ""
        self.changed_ns = 0

    def first(self, beat: Callable[[], None]) -> Judge:
        """The recipe that the settings begin with; `beat` is called again and again until it is there.

        Raises:
            SettingsError, ModelError: it cannot be used.
        """
        loading = _Loading(self.number, lambda: self._load(self._config.recipe))
        while not loading.done:
            beat()
            time.sleep(WAIT_S)
        return loading.judge()

    @property
    def loading(self) -> int | None:
        """The number of the recipe that is being loaded."""
        return self._loading.number if self._loading is not None else None

    def ask(self, number: int) -> bool:
        """The PLC asks for a recipe; returns whether it is another one, which is being loaded from now on."""
        if number == self.number and not self.fault:
            return False
        self._loading = _Loading(number, lambda: self._load(self._file(number)))
        return True

    def take(self) -> Judge | None:
        """The new recipe's judge, once, or None while it is not loaded. What cannot be loaded leaves `fault`: whatever it is, as a
        station that dies of it would come back with the recipe before."""
        loading = self._loading
        if loading is None or not loading.done:
            return None
        self._loading = None
        try:
            judge = loading.judge()
        except Exception as error:
            self.fault = str(error)[:200] or type(error).__name__
            return None
        self.number, self.fault, self.changed_ns = loading.number, "", time.monotonic_ns()
        return judge

    def _file(self, number: int) -> str:
        if str(number) not in self._config.recipes:
            raise SettingsError(f"recipes: the PLC asks for recipe {number}, which is not among them; add {number} = FILE to the settings")
        return self._config.recipes[str(number)]

    def _load(self, file: str) -> Judge:
        return self.switch.judge(load_active(self._config, file))
