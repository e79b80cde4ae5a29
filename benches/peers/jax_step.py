"""How long one step of training takes in JAX: the network of section 1.8 of the demo, in f32, on one thread.

    pip install -r benches/peers/requirements.txt
    taskset -c 0 python benches/peers/jax_step.py

Forward, backward and Adam of many steps are one jitted `lax.scan`, so that no time is spent in Python; the
fastest of the turns counts. Prints one object per batch size, as `step_time` of this package does for the engines here:

    cargo run --release -p contextualized-benches --bin step_time -- --json
"""

import json
import os
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np

ROWS, CONTEXTS, FEATURES, WIDTH, ARCHETYPES = 221, 2, 2, 25, 10
STEPS, TURNS, RATE = 2000, 25, 1e-3


def initial(key):
    keys = jax.random.split(key, 7)
    uniform = lambda key, shape, bound: jax.random.uniform(key, shape, jnp.float32, -bound, bound)
    layers = []
    for number, (inputs, outputs) in enumerate([(CONTEXTS, WIDTH), (WIDTH, WIDTH), (WIDTH, ARCHETYPES)]):
        bound = inputs**-0.5
        layers.append((uniform(keys[2 * number], (inputs, outputs), bound),
                       uniform(keys[2 * number + 1], (outputs,), bound)))
    return layers, uniform(keys[6], (ARCHETYPES, FEATURES), 0.01)


def loss(parameters, contexts, features, targets):
    layers, archetypes = parameters
    code = contexts
    for weights, biases in layers[:-1]:
        code = jax.nn.relu(code @ weights + biases)
    code = code @ layers[-1][0] + layers[-1][1]
    predictor = jnp.sum((code @ archetypes) * features, axis=1)
    return jnp.mean((targets - predictor) ** 2)


def train(batch):
    def step(state, rows):
        parameters, first, second, count = state
        gradient = jax.grad(loss)(parameters, contexts[rows], features[rows], targets[rows])
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        unbiased = 1 / (1 - 0.9**count), 1 / (1 - 0.999**count)
        move = lambda p, m, v: p - RATE * m * unbiased[0] / (jnp.sqrt(v * unbiased[1]) + 1e-8)
        return (jax.tree.map(move, parameters, first, second), first, second, count), None

    random = np.random.default_rng(0)
    table = lambda columns: jnp.asarray(random.uniform(-1, 1, (ROWS, columns)), jnp.float32)
    contexts, features = table(CONTEXTS), table(FEATURES)
    targets = jnp.sum(contexts * features, axis=1)
    epochs = -(-STEPS * batch // ROWS)
    order = np.concatenate([random.permutation(ROWS) for _ in range(epochs)])
    rows = jnp.asarray(order[: STEPS * batch].reshape(STEPS, batch))
    run = jax.jit(lambda state, rows: jax.lax.scan(step, state, rows)[0])
    parameters = initial(jax.random.key(0))
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros, jnp.float32(0))
    jax.block_until_ready(run(state, rows))
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        jax.block_until_ready(run(state, rows))
        times.append((time.perf_counter() - start) / STEPS * 1e6)
    return min(times)


for batch in [1, 8, 32]:
    print(json.dumps({"engine": "jax", "precision": "f32", "batch": batch,
                      "microseconds_per_step": round(train(batch), 3)}))
