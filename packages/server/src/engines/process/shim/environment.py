"""The Python environment of a task."""


def attach(root, spec):
    pass


def prepare(task, supervision, system, root):
    return task.spec["env"]
