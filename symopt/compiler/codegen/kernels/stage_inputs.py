"""What the rule's program is given in a loop over coordinates: states, and results of stages."""

from __future__ import annotations

from symopt.compiler.codegen.kernels.context import OWN_DRAWS, KernelContext
from symopt.ir.keys import Each, Key, Normal, OldState
from symopt.ir.update import INPUTS, Stage


def coordinate_inputs(context: KernelContext) -> dict[Key, int]:
    """Build the inputs of the rule's program in the coordinate of the loop around."""
    graph = context.graph
    own: dict[Key, int] = {"theta": graph.input(Each("theta"))}
    for name in context.vector:
        own[OldState(name)] = graph.input(Each(OldState(name)))
    for draw in range(context.update.draws):
        own[Normal(draw)] = graph.input(Normal(OWN_DRAWS + draw, "k"))
    for stage in context.update.stages:
        key = stage.key
        own[key] = graph.input(Each(key) if stage.per_coordinate else lane_key(context, stage))
    return own


def lane_inputs(context: KernelContext) -> dict[Key, int]:
    """Build the results of the stages that have one value a lane."""
    return {
        stage.key: context.graph.input(lane_key(context, stage)) for stage in context.update.stages
    }


def lane_key(context: KernelContext, stage: Stage) -> Key:
    """Return the key of a result that has one value a lane."""
    if is_observed_loss(context, stage):
        return "loss"
    return stage.key


def is_observed_loss(context: KernelContext, stage: Stage) -> bool:
    """Return whether a stage is the value that is observed anyway."""
    observed = stage.kind == "value" and is_at_iterate(context, stage)
    return observed and not context.options.batch


def is_at_iterate(context: KernelContext, stage: Stage) -> bool:
    """Return whether a stage evaluates the cost where the loss is observed."""
    program = context.update.program
    point, *_ = INPUTS[stage.kind]
    at_theta = program.nodes[program.outputs[point(stage.number)]].payload == "theta"
    return at_theta and context.iterate == "theta"
