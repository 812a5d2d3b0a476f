"""Fill third_party/ with the .proto files that our contracts import, out of the packages that ship them.

google/api and google/rpc come from the installed googleapis-common-protos. buf/validate/validate.proto is in the source
archive of protovalidate 1.2.0 only. Versions and sha256 go to third_party/VERSIONS. Run it to move to newer files.
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


def _validate_proto() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
        source = f"protovalidate=={VALIDATE_VERSION}"
        subprocess.run([*download, "--dest", folder, source], check=True)  # noqa: S603 - our own arguments
        archive = next(Path(folder).glob("protovalidate-*.tar.gz"))
        with tarfile.open(archive) as tar:
            member = next(name for name in tar.getnames() if name.endswith("proto/buf/validate/validate.proto"))
            extracted = tar.extractfile(member)
            if extracted is None:
                raise SystemExit(f"{member} is not a file in {archive.name}")
            return extracted.read()


def main() -> None:
    """Write the files and their versions."""
    common = importlib.metadata.distribution("googleapis-common-protos")
    files = {f"googleapis/{name}": Path(str(common.locate_file(name))).read_bytes() for name in GOOGLE_FILES}
    files["protovalidate/buf/validate/validate.proto"] = _validate_proto()
    lines = [f"googleapis-common-protos {common.version}", f"protovalidate {VALIDATE_VERSION} (source archive)"]
    for name, content in sorted(files.items()):
        target = ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}")
    (ROOT / "VERSIONS").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
