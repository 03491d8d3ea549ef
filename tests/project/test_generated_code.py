"""The code in idsync/v1 is what proto/ says, made by the oldest generator that serves."""

from __future__ import annotations

import importlib
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from packaging.requirements import Requirement
from packaging.version import Version

from tests.project.tree import ROOT


def _generated_with(pattern: str, file: str) -> Version:
    found = re.search(pattern, (ROOT / "idsync" / "v1" / file).read_text())

    assert found
    return Version(found.group(1))


def _forget_json_names(message: DescriptorProto) -> None:
    """Leave out what only one of the two compilers writes down: the default JSON name of each field."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        _forget_json_names(nested)


def _floor(name: str) -> Version:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = (r for r in map(Requirement, project["dependencies"]) if r.name == name)
    (floor,) = (specifier for specifier in wanted.specifier if specifier.operator == ">=")
    return Version(floor.version)


def test_committed_code_says_what_the_contract_says() -> None:
    """Message by message, field by field, offline; `make check` compares the files to the byte."""
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    built = subprocess.run(
        [buf, "build", "proto", "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    contract = FileDescriptorSet.FromString(built.stdout)
    ours = [file for file in contract.file if file.package == "idsync.v1"]

    assert ours
    for file in ours:
        module = importlib.import_module(file.name.replace("/", ".").replace(".proto", "_pb2"))
        committed = FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            _forget_json_names(message)
        assert committed == file, file.name


def test_protobuf_floor_is_the_generators_own() -> None:
    """The protobuf runtime refuses code newer than itself, so the floor must not be lower."""
    assert _floor("protobuf") == _generated_with(
        r"Protobuf Python Version: ([\d.]+)", "identity_service_pb2.py"
    )


def test_every_grpc_floor_is_the_generators_own() -> None:
    """All packages of gRPC go together, at no less than the version that wrote the stubs."""
    generator = _generated_with(r"GRPC_GENERATED_VERSION = '([\d.]+)'", "identity_service_pb2_grpc.py")
    packages = ["grpcio", "grpcio-health-checking", "grpcio-reflection", "grpcio-status"]

    assert {_floor(name) for name in packages} == {generator}


def test_generated_folder_holds_nothing_else() -> None:
    """A file edited by hand among generated ones would be lost the next time."""
    names = {path.name for path in (ROOT / "idsync" / "v1").iterdir() if path.is_file()}
    stems = [path.stem for path in (ROOT / "proto" / "idsync" / "v1").glob("*.proto")]
    generated = {f"{stem}_pb2{kind}" for stem in stems for kind in (".py", ".pyi", "_grpc.py", "_grpc.pyi")}

    assert names == generated | {"__init__.py", "py.typed"}
