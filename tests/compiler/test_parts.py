"""Kernels are put together from parts: no class of the compiler refines a concrete one."""

import importlib
import inspect
import pkgutil

import symopt.compiler


def classes():
    """Every class that the compiler defines."""
    for module in pkgutil.walk_packages(symopt.compiler.__path__, "symopt.compiler."):
        loaded = importlib.import_module(module.name)
        for _, value in inspect.getmembers(loaded, inspect.isclass):
            if value.__module__ == module.name:
                yield value


def own_ancestors(kind):
    """The ancestors of a class that are the project's own."""
    return [one for one in kind.__mro__[1:] if one.__module__.startswith("symopt")]


def test_there_is_something_to_look_at():
    assert len(list(classes())) > 20


def test_no_chain_of_inheritance_is_deeper_than_two():
    deep = {
        kind.__qualname__: own_ancestors(kind) for kind in classes() if len(own_ancestors(kind)) > 1
    }
    assert not deep


def test_no_concrete_method_is_overridden():
    overridden = [
        f"{kind.__qualname__}.{name}"
        for kind in classes()
        for ancestor in own_ancestors(kind)
        for name, method in vars(ancestor).items()
        if inspect.isfunction(method)
        and not getattr(method, "__isabstractmethod__", False)
        and not getattr(ancestor, "_is_protocol", False)
        and name in vars(kind)
    ]
    assert not overridden
