"""A task that could not be started, told in one sentence for a person."""


class Failure(Exception):
    def __init__(self, reason, blame="machine"):
        super().__init__(reason)
        self.reason = reason
        self.blame = blame


def in_words(error):
    """What went wrong, without the number of the error."""
    if isinstance(error, OSError) and error.strerror:
        return "%s: %s" % (error.strerror, error.filename) if error.filename else error.strerror
    return str(error) or type(error).__name__
