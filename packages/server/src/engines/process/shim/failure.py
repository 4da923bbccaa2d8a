"""A task that could not be started, told in one sentence for a person."""


class Failure(Exception):
    def __init__(self, reason, blame="machine"):
        super().__init__(reason)
        self.reason = reason
        self.blame = blame
