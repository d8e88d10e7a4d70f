"""The generated server package of a build, used from this process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbfed.errors import NbfedError

if TYPE_CHECKING:
    from flwr.serverapp import Grid

    from nbfed.emit import Build


class ServerPackage:
    """What a simulation needs of the package; raises NbfedError if it cannot be imported."""

    def __init__(self, build: Build) -> None:
        package = build.names.server_package
        # Another build of the same name may have been run in this process before.
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        folder = str(build.server.resolve())
        sys.path.insert(0, folder)
        try:
            self._app, self._rounds, self._evaluation, self._initial, self._settings = (
                _module(package, name)
                for name in ("server_app", "rounds", "evaluation", "initial", "settings")
            )
        finally:
            sys.path.remove(folder)

    @property
    def has_evaluate(self) -> bool:
        """Whether the notebook says how to evaluate."""
        return bool(self._settings.HAS_EVALUATE)

    def settings(self, run_config: Mapping[str, str | int | float | bool]) -> Any:
        """The package's Settings with these values over the build's; raises NbfedError."""
        try:
            return self._settings.Settings.from_run_config(run_config)
        except self._settings.SettingsError as error:
            raise NbfedError(str(error)) from error

    def settled(self, grid: Grid, settings: Any) -> Any:
        """The settings with what the sites tell of the model's sizes. Raises NbfedError."""
        with_sizes = getattr(self._app, "with_sizes", None)
        return self._checked(with_sizes, grid, settings) if with_sizes else settings

    def run(self, grid: Grid, settings: Any) -> Any:
        """Run the federation as the server app would; return its Outcome. Raises NbfedError."""
        return self._checked(self._app.run, grid, settings)

    def whole_weights(self, settings: Any) -> Any:
        """The weights that baselines start from: all of the model, whatever travels otherwise.

        Making them seeds and draws from torch's one generator, so no two threads may do so at a
        time.
        """
        return self._initial.initial_weights(settings, whole=True).arrays

    def run_baseline(self, grid: Grid, settings: Any, weights: Any) -> Any:
        """Run the same rounds with the strategy that the settings name, not the notebook's own."""
        return self._checked(self._rounds.run_federation, grid, settings, initial=weights)

    def evaluate(self, grid: Grid, settings: Any, arrays: Any) -> Mapping[str, Any]:
        """Return each site's Numbers for some weights; sites that fail are left out."""
        found: Mapping[str, Any] = self._evaluation.evaluate_only(
            grid, settings, arrays, server_round=settings.rounds
        )
        return found

    def _checked(self, function: Any, grid: Grid, settings: Any, **more: Any) -> Any:
        try:
            return function(grid, settings, **more)
        except self._settings.SettingsError as error:
            raise NbfedError(str(error)) from error


def _module(package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ImportError as error:
        hint = "install what the notebook's model imports into the environment that nbfed runs in"
        raise NbfedError(f"the server package cannot be imported: {error}", hint=hint) from error
