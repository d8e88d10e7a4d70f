"""One hospital in this process: its data and its model, made when they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, Context

from .data import SiteData
from .exchange import arrays_from, form_of, load_into, only
from .failures import DataNotLoaded, Refusal
from .given import Given
from .kept import Kept
from .local_state import LocalStates
from .randomness import seed_everything
from .sizes import sizes_in
from .stages import (
    EXCHANGE,
    MODEL_SIZES,
    Model,
    data_depend_on,
    loaded_data,
    made_model,
    model_depends_on,
)
from .travelling import ALL, normalisation_names, travelling_names
from .trip import Trip


class Site:
    """One hospital: its settings, its data and its model.

    ``node`` is Flower's configuration of this node: the site's name under "site", the values of
    SiteConfig by their names, and under "param.NAME" what the site sets otherwise than the server.
    "state-dir" is the folder of what outlives this process; "exchange-all" lets all of the model
    travel, for a simulation's baselines.
    """

    def __init__(self, node: Mapping[str, Any]) -> None:
        self.name = str(node["site"])
        self._node = node
        self._data: Kept[SiteData] = Kept()
        self._model: Kept[Model] = Kept()
        self._exchanged: list[frozenset[str]] = []
        self._form: dict[str, tuple[int, ...]] = {}

    def states(self, context: Context, trip: Trip) -> LocalStates:
        """Return what this site keeps to itself during the run."""
        folder = self._node.get("state-dir")
        return LocalStates(context.state, Path(str(folder)) if folder else None, trip.run)

    def given(self, trip: Trip) -> Given:
        """Return what the notebook's code may ask for in this round."""
        return Given(self._node, trip.params)

    def data(self, trip: Trip) -> SiteData:
        """Return the site's data, which are loaded once; raises DataNotLoaded."""
        given = self.given(trip)

        def load() -> SiteData:
            seed_everything(trip.seed, "data", self.name)
            return loaded_data(given)

        made_of = (trip.seed, *data_depend_on(given))
        try:
            return self._data.get(made_of, load)
        except (Exception, SystemExit) as error:
            raise DataNotLoaded from error

    def sizes(self, trip: Trip) -> dict[str, int]:
        """Return the model's sizes as the data give them; without any, no data are loaded.

        Raises DataNotLoaded, and Refusal where one is not a whole number above 0.
        """
        return sizes_in(self.data(trip), MODEL_SIZES) if MODEL_SIZES else {}

    def initial(self, trip: Trip) -> ArrayRecord:
        """Return the weights that travel, as the notebook makes them."""
        return only(arrays_from(self._made(trip)), self._exchanged[0])

    def model(self, trip: Trip, local: ArrayRecord) -> tuple[Model, frozenset[str]]:
        """Return the model with the weights that came, and the names of those that stay here.

        These are ``local``, or where there are none yet as the notebook makes them. Raises Refusal
        where other weights came than this package exchanges.
        """
        model = self._made(trip)
        stays = travelling_names(model, (ALL,)) - trip.arrays.keys()
        if trip.arrays.keys() not in self._exchanged:
            raise Refusal("the weights that came are not those that this package exchanges")
        if stays and not local:
            self._model.forget()
            model = self._made(trip)
            local = only(arrays_from(model), stays)
        load_into(model, ArrayRecord({**trip.arrays, **local}))
        model.train()
        return model, stays

    def _made(self, trip: Trip) -> Model:
        """Return the model, which is made once; its weights are those that it was left with."""
        given, sizes = self.given(trip), self.sizes(trip)

        def make() -> Model:
            seed_everything(trip.seed, "model")
            made = made_model(given, sizes)
            self._form = form_of(made)
            names = travelling_names(made, EXCHANGE)
            self._exchanged = [names, names - normalisation_names(made)]
            if self._node.get("exchange-all"):
                self._exchanged.append(travelling_names(made, (ALL,)))
            return made

        made_of = (trip.seed, *model_depends_on(given), *sizes.values())
        model = self._model.get(made_of, make)
        if form_of(model) != self._form:
            # The notebook's code has changed the layers of the model that was kept.
            self._model.forget()
            model = self._model.get(made_of, make)
        return model
