"""What a folder lies on, as far as a database is concerned: a disk of this machine, of another one, or a bucket."""

import re
from enum import StrEnum
from pathlib import Path

MOUNTS = Path("/proc/mounts")
# SQLite's locks and shared memory do not hold on these (sqlite.org/wal.html); local ones of FUSE are excepted.
_NETWORK_DISKS = re.compile(
    r"nfs4?|cifs|smb3|smbfs|afs|ceph|glusterfs|lustre|beegfs|gpfs|davfs|vboxsf|fuse|fuse\.(?!(fuse-overlayfs|overlay|lxcfs"
    r"|bindfs|mergerfs|encfs|gocryptfs|cryfs|ntfs|exfat|ext|zfs)).*"
)
# A store of whole objects, in which no page of a database can be written: by file system, or by what is mounted.
_BUCKETS = re.compile(
    r"s3fs|s3ql|gcsfuse|rclone|mountpoint-s3|goofys|geesefs|blobfuse|ossfs|cosfs|tigrisfs|riofs|hf-mount|hf://|s3://|gs://"
)


class Disk(StrEnum):
    """What a folder lies on, as far as a database is concerned."""

    LOCAL = "local"
    NETWORK = "network"
    BUCKET = "bucket"


def disk_of(folder: Path, mounts: Path = MOUNTS) -> Disk:
    """Tell what a folder lies on; local where the system does not say."""
    _, source, kind = mount_of(folder, mounts)
    if kind.startswith("fuse") and _BUCKETS.search(f"{kind} {source}".lower()):
        return Disk.BUCKET
    return Disk.NETWORK if _NETWORK_DISKS.fullmatch(kind) else Disk.LOCAL


def mount_of(folder: Path, mounts: Path) -> tuple[str, str, str]:
    """Return where the file system of a folder is mounted, what is mounted there, and its type."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return "", "", ""
    place = folder.absolute()
    found = ("/", "", "")
    for source, escaped, kind in (line[:3] for line in lines if len(line) >= 3):
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)
        if place.is_relative_to(point) and len(point) >= len(found[0]):  # a later one covers an earlier one
            found = point, source, kind
    return found
