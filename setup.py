"""Carries the shipped mapping files into the built package; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithMappings(build_py):
    """Copies `mappings/` to `connector/_mappings`. A checkout reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            inside = Path(self.build_lib) / "connector" / "_mappings"
            shutil.copytree("mappings", inside, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithMappings})
