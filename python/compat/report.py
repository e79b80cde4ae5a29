"""What a script reports: shapes of results, errors and seconds, as a line of JSON each."""

import json
import time

import numpy as np

started = time.perf_counter()


def shape(value):
    """The shape of an array, or those of the arrays of a tuple or list."""
    if isinstance(value, (tuple, list)):
        return [shape(own) for own in value]
    if value is None or isinstance(value, (str, float)):
        return None
    return list(np.shape(value))


def result(name, call):
    """Calls, and tells the shape of what came back or the kind of error."""
    try:
        value = call()
    except Exception as error:
        tell(name, error=type(error).__name__, message=str(error).splitlines()[0] if str(error) else "")
        return None
    tell(name, shape=shape(value))
    return value


def measure(name, value):
    """Tells a number, such as an error against the truth."""
    tell(name, value=float(value))


def tell(name, **found):
    print("@" + json.dumps({"name": name, **found}), flush=True)


def seconds():
    """Tells the time since the imports."""
    tell("seconds", value=time.perf_counter() - started)
