"""Fill third_party/ with what is vendored, out of the packages that ship it: .proto files, and the viewer of /docs.

google/api and google/rpc come from the installed googleapis-common-protos. buf/validate/validate.proto is in the source
archive of protovalidate 1.2.0 only. The viewer is swagger-ui-dist; npm fetches it. Versions and sha256 go to
third_party/VERSIONS. Run it to move to newer files.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "third_party"
GOOGLE_FILES = [
    *(f"google/api/{name}.proto" for name in ("annotations", "field_behavior", "http", "httpbody")),
    *(f"google/rpc/{name}.proto" for name in ("code", "error_details", "status")),
]
VALIDATE_VERSION = "1.2.0"
VIEWER_VERSION = "5.35.0"
VIEWER_FILES = ["LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"]


def _validate_proto() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
        source = f"protovalidate=={VALIDATE_VERSION}"
        subprocess.run([*download, "--dest", folder, source], check=True)  # noqa: S603 - our own arguments
        archive = next(Path(folder).glob("protovalidate-*.tar.gz"))
        with tarfile.open(archive) as tar:
            member = next(name for name in tar.getnames() if name.endswith("proto/buf/validate/validate.proto"))
            return _content(tar, member)


def _viewer() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["npm", "pack", "--silent", "--pack-destination", folder, f"swagger-ui-dist@{VIEWER_VERSION}"]
        subprocess.run(fetch, check=True)  # noqa: S603 - our own arguments
        with tarfile.open(next(Path(folder).glob("swagger-ui-dist-*.tgz"))) as tar:
            return {f"swagger-ui/{name}": _content(tar, f"package/{name}") for name in VIEWER_FILES}


def _content(tar: tarfile.TarFile, member: str) -> bytes:
    extracted = tar.extractfile(member)
    if extracted is None:
        raise SystemExit(f"{member} is not a file in {tar.name!r}")
    return extracted.read()


def main() -> None:
    """Write the files and their versions."""
    common = importlib.metadata.distribution("googleapis-common-protos")
    files = {f"googleapis/{name}": Path(str(common.locate_file(name))).read_bytes() for name in GOOGLE_FILES}
    files["protovalidate/buf/validate/validate.proto"] = _validate_proto()
    files |= _viewer()
    lines = [
        f"googleapis-common-protos {common.version}",
        f"protovalidate {VALIDATE_VERSION} (source archive)",
        f"swagger-ui-dist {VIEWER_VERSION} (npm)",
    ]
    for name, content in sorted(files.items()):
        target = ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}")
    (ROOT / "VERSIONS").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
