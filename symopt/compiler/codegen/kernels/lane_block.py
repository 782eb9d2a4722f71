"""Steps of a block of lanes whose update is a loop over coordinates.

A step keeps what theta and the states were: where the new theta of a lane is beyond the limit,
that lane takes the old one again.
"""

from __future__ import annotations

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.coordinate_update import CoordinateUpdate
from symopt.compiler.codegen.kernels.observing import observe
from symopt.compiler.codegen.kernels.parts import CostEmitter
from symopt.compiler.codegen.layout import DIVERGED, INFINITY, NONFINITE, RUNNING
from symopt.compiler.codegen.printer import indent, loop
from symopt.ir.keys import Before, Key, OldState


class LaneBlockStep:
    """Writes one pass over lanes for each evaluation, one over coordinates for each stage.

    Parameters
    ----------
    skips_ended
        Whether a step of a block in which no lane is running any more is left out.
    """

    def __init__(self, context: KernelContext, cost: CostEmitter, skips_ended: bool) -> None:
        self.context = context
        self.rows = context.rows
        self.cost = cost
        self.update = CoordinateUpdate(context, cost)
        self.skips_ended = skips_ended

    def begin(self) -> list[str]:
        """Test whether any lane is still running."""
        if not self.skips_ended:
            return []
        test = f"live = 1.0 if {self.rows.at('status')} == {RUNNING} else live"
        return ["live = 0.0", *self._lanes([test])]

    def end(self) -> list[str]:
        """Write nothing."""
        return []

    def step(self) -> list[str]:
        """Observe and update all lanes once."""
        lines = [
            *self._observe(),
            *self.update.later_stages(),
            *self._update(),
            *self._close(),
            *self._undo(),
        ]
        if self.skips_ended:
            lines = ["if live == 1.0:", *indent(lines)]
        return [*self.cost.prelude(), *lines]

    def _lanes(self, body: list[str]) -> list[str]:
        return loop("i", self.context.options.lanes, body)

    def _observe(self) -> list[str]:
        """Evaluate loss, and the gradient there if the rule asks for it, and observe."""
        at = self.rows.at
        gradient = self.update.observed_gradient()
        outside, inside, value = self.cost.evaluate(self.context.iterate, True, gradient)
        lines = [
            *inside,
            f"loss = {value}",
            *observe(self.context, "loss", self.cost.whole),
            *check_loss(self.context),
            f"{at('going')} = 1.0 if ok else 0.0",
            f"{at('bad')} = 0.0",
        ]
        if self.context.options.best:
            lines.append(f"{at('better')} = 1.0 if better else 0.0")
        return [*outside, *self._lanes(lines), *self.update.add_noise(gradient)]

    def _update(self) -> list[str]:
        """Give theta and the states their next values, and keep what they were."""
        at, each = self.rows.at, self.rows.each
        lines: list[str] = []
        texts = self.update.next_values(lines)
        lines.append(f"going = ({at('going')} == 1.0)")
        if self.context.options.best:
            best = each("best")
            iterate = each(self.context.iterate)
            lines.append(f"{best} = {iterate} if {at('better')} == 1.0 else {best}")
        for row, text in texts.items():
            place = each(row)
            lines.append(f"{each(_before(row))} = {place}")
            lines.append(f"{place} = {text} if going else {place}")
        bad = at("bad")
        within = f"fabs({texts['theta']}) <= {self.context.cell_name('limit')}"
        lines.append(f"{bad} = {bad} if {within} else 1.0")
        return self.rows.coordinates(lines)

    def _close(self) -> list[str]:
        """End the step: what has one value a lane, and whether any lane failed."""
        at = self.rows.at
        lines: list[str] = []
        states = self.update.next_lane_states(lines)
        kept = {**states, at("steps"): "t"}
        lines += [
            f"going = ({at('going')} == 1.0)",
            f"fails = going & ({at('bad')} == 1.0)",
            "ok = going ^ fails",
            *(f"{place} = {new} if ok else {place}" for place, new in kept.items()),
            "failed = 1.0 if fails else failed",
        ]
        return ["failed = 0.0", *self._lanes(lines)]

    def _undo(self) -> list[str]:
        """Go the rare way back: lanes with a theta beyond the limit take the old one again."""
        at, each = self.rows.at, self.rows.each
        vectors = [state.name for state in self.context.update.states if state.vector]
        theta = each("theta")
        restore = [f"finite = finite if fabs({theta}) < {INFINITY} else 0.0"]
        rows: list[Key] = ["theta", *(OldState(name) for name in vectors)]
        restore += [f"{each(row)} = {each(_before(row))}" for row in rows]
        lanes = self.context.options.lanes
        lane = [
            "finite = 1.0",
            *loop("k", self.rows.count(), [f"row = k*{lanes}", *restore]),
            f"{at('status')} = {DIVERGED} if finite == 1.0 else {NONFINITE}",
        ]
        test = f"if ({at('going')} == 1.0) & ({at('bad')} == 1.0):"
        return ["if failed == 1.0:", *indent(self._lanes([test, *indent(lane)]))]


def check_loss(context: KernelContext) -> list[str]:
    """End a run whose loss is beyond the limit; ``ok`` says whether it goes on."""
    return [
        f"ok = going & (fabs(loss) <= {context.cell_name('limit')})",
        f"ending = {DIVERGED} if fabs(loss) < {INFINITY} else {NONFINITE}",
        f"{context.rows.at('status')} = ending if going ^ ok else status",
    ]


def _before(row: Key) -> Key:
    """Return the row that keeps what theta or a state was before the step."""
    return Before(row if row == "theta" else row[1])
