"""What can be wrong with a cluster; the message form is `IdxDataError`'s."""

from idxdata.errors import IdxDataError


class ClusterError(IdxDataError, RuntimeError):
    """A cluster cannot be reached, or a host of it cannot do what it is asked for."""
