"""The errors that Kapman raises on purpose, by what a reader must do about them.

Every message names what, where and how to mend it, and never holds a secret. Errors that belong to one
client only are defined beside it and derive from these.
"""


class KapmanError(Exception):
    """Base of every error raised on purpose."""


class ConfigurationError(KapmanError):
    """The settings cannot work as they are; the message names the variable."""


class PermanentError(KapmanError):
    """Trying again cannot help: rejected credentials, missing entitlement, refused data."""


class TransientError(KapmanError):
    """The other side failed for now: a later attempt may succeed."""
