"""A pytest plugin: takes hold of a rule as soon as its module is there, before anything uses it.

It stands alone in its folder, so that pytest can load it without the package: JAX is imported when
the tests import it, after their configuration has set what JAX reads from the environment.
"""

import importlib.abc
import json
import os
import sys
from typing import Any

PLAN = "DERIVATIONS_MUTATION"  # the path of what to do, written by `derivations mutate`


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the rule's module as the others do, and attaches to it when it has run."""

    def __init__(self, plan: dict[str, Any]):
        self.plan = plan

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.plan["module"]:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)):
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self.plan)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, plan: dict[str, Any]):
        self.loader = loader
        self.plan = plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self.loader.exec_module(module)
        from derivations.mutation.worker import attach

        attach(module, self.plan)


def pytest_load_initial_conftests() -> None:
    """Waits for the rule's module; conftest files may import it, and so come later."""
    with open(os.environ[PLAN], encoding="utf-8") as file:
        plan = json.load(file)
    with open(os.path.join(plan["folder"], "pytest"), "w", encoding="utf-8"):
        pass  # the sign that it was pytest that ran
    if plan["module"] in sys.modules:
        from derivations.mutation.worker import attach

        attach(sys.modules[plan["module"]], plan)
    else:
        sys.meta_path.insert(0, _Finder(plan))


def pytest_configure(config: Any) -> None:
    """Keeps mutants out of what pytest remembers of the last run."""
    for name in ("lfplugin", "nfplugin"):
        if config.pluginmanager.hasplugin(name):
            config.pluginmanager.unregister(name=name)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Compares a mutant that has survived with the original."""
    worker = sys.modules.get("derivations.mutation.worker")
    if worker is not None and exitstatus == 0:
        worker.finish()
