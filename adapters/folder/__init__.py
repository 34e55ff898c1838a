"""Folder: the channel of systems that take their documents from a directory (SFTP, SMB, NFS or a local disk).

In charge of: putting a delivery, and receipts, into a system's folder so that nobody ever sees half of them.
Comes in: parcels and receipts. Goes out: one directory a delivery, one file a receipt, outcomes.
A delivery is handed over when its rename is durable; after a crash the same octets under the same name are found again.
The folder lies below one root; no option, name or symbolic link leads out of it.
"""

from adapters.folder.carrier import FolderCarrier
from hub.registry.folder import Root

__all__ = ["FolderCarrier", "Root"]
