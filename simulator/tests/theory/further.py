#!/usr/bin/env python3
"""Further cases of queueing theory: every family of `queueing.json` with other parameters.

    python3 further.py > further.json

What is expected comes from closed forms, from birth-death chains and from small Markov chains that are solved here; nothing
is simulated, and nothing of the simulator is used. Plain Python 3, no packages.
"""

import cmath
import json
import math
from decimal import Decimal, getcontext

getcontext().prec = 80
CASES = []


def case(id, family, model, expect, tol=0.02, requests=3_000_000, **own):
    """`own` are the tolerances of single quantities."""
    widths = {"default": {"rel": tol, "requests": requests}}
    widths.update({name: {"rel": width, "requests": requests} for name, width in own.items()})
    CASES.append({"id": id, "family": family, "model": model, "expect": expect, "tol": widths})


def poisson(rate, service, servers=1, **more):
    return {"arrivals": "poisson", "lambda_": rate, "servers": servers, "discipline": "fifo", "service": service, **more}


def exponential(mean):
    return {"dist": "exponential", "mean": mean}


def root(f, low, high):
    """Where a rising function is 0."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return (low + high) / 2


# ---------------------------------------------------------------- M/M/c and what is like it

def erlang_c(c, a):
    b = 1.0
    for n in range(1, c + 1):
        b = a * b / (n + a * b)
    return b / (1 - a / c * (1 - b))


def mmc(id, rate, c, mean, requests):
    mu, a = 1 / mean, rate * mean
    p = erlang_c(c, a)
    spare = c * mu - rate

    def longer(t):
        """P(T > t): an exponential service, and with chance p an exponential wait before it."""
        if abs(spare - mu) < 1e-9:
            return math.exp(-mu * t) * (1 + p * mu * t)
        return math.exp(-mu * t) + p * mu / (mu - spare) * (math.exp(-spare * t) - math.exp(-mu * t))

    expect = {"utilization": a / c, "p_wait": p, "mean_wait": p / spare, "mean_queue": rate * p / spare,
              "mean_sojourn": p / spare + mean, "mean_in_system": rate * (p / spare + mean)}
    for q in ("50", "90", "95", "99"):
        q_ = float("0." + q)
        expect["wait_p" + q] = max(0.0, math.log(p / (1 - q_)) / spare)
        expect["sojourn_p" + q] = root(lambda t: 1 - q_ - longer(t), 0, 1000 * mean / (1 - a / c))
    case(id, "M/M/1" if c == 1 else "M/M/c", poisson(rate, exponential(mean), c, queue_limit=None), expect,
         0.02 if a / c < 0.9 else 0.04, requests)


def chain(births, deaths):
    """The stationary law of a birth-death chain."""
    p = [1.0]
    for birth, death in zip(births, deaths):
        p.append(p[-1] * birth / death)
    total = sum(p)
    return [x / total for x in p]


def mmck(id, rate, c, queue, mean):
    most = c + queue
    p = chain([rate] * most, [min(n, c) / mean for n in range(1, most + 1)])
    number = sum(n * x for n, x in enumerate(p))
    busy = sum(min(n, c) * x for n, x in enumerate(p))
    accepted = rate * (1 - p[-1])
    case(id, "M/M/c/K", poisson(rate, exponential(mean), c, queue_limit=queue),
         {"p_block": p[-1], "throughput": accepted, "utilization": busy / c, "mean_in_system": number,
          "mean_sojourn_accepted": number / accepted, "mean_wait_accepted": max(0.0, number / accepted - mean)}, 0.02, p_block=0.04)


def erlang_a(id, rate, c, mean, patience):
    most = c + 2000
    p = chain([rate] * most, [min(n, c) / mean + max(0, n - c) / patience for n in range(1, most + 1)])
    queue = sum(max(0, n - c) * x for n, x in enumerate(p))
    busy = sum(min(n, c) * x for n, x in enumerate(p))
    lost = queue / patience / rate
    model = poisson(rate, exponential(mean), c, patience={**exponential(patience), "applies_to": "waiting only"})
    case(id, "M/M/c+M (Erlang A)", model,
         {"p_abandon": lost, "utilization": busy / c, "mean_wait_all": queue / rate, "p_wait": sum(p[c:]),
          "throughput": rate * (1 - lost), "mean_queue": queue}, 0.02, p_abandon=0.04, mean_queue=0.04, mean_wait_all=0.04)


def repair(id, users, c, mean, think):
    p = chain([(users - n) / think for n in range(users)], [min(n, c) / mean for n in range(1, users + 1)])
    number = sum(n * x for n, x in enumerate(p))
    busy = sum(min(n, c) * x for n, x in enumerate(p))
    case(id, "machine repair / closed users",
         {"users": users, "think": exponential(think), "servers": c, "discipline": "fifo", "service": exponential(mean)},
         {"throughput": busy / mean, "mean_response": number * mean / busy, "utilization": busy / c, "mean_in_system": number})


# ---------------------------------------------------------------- general service times

def erlang_of(mean, k):
    return ({"dist": "erlang", "k": k, "mean": mean}, 1 / math.sqrt(k), lambda s: (1 + s * mean / k) ** -k)


def hyper(share, first, second):
    mean = share * first + (1 - share) * second
    square = 2 * (share * first ** 2 + (1 - share) * second ** 2)
    model = {"dist": "hyperexponential", "p": [share, 1 - share], "means": [first, second], "mean": mean}
    law = lambda s: share / (1 + s * first) + (1 - share) / (1 + s * second)
    return model, math.sqrt(square / mean ** 2 - 1), law


def lognormal(mean, cv):
    variance = math.log1p(cv * cv)
    return {"dist": "lognormal", "mean": mean, "cv": cv, "log_mu": math.log(mean) - variance / 2, "log_sigma": math.sqrt(variance)}


def inverted(law, t):
    """A function from its Laplace transform: Abate and Whitt's method EULER (ORSA J. Computing 7, 1995)."""
    a, n, m = 18.4, 40, 11
    sums, total = [], law(complex(a / (2 * t), 0)).real / 2
    for k in range(1, n + m + 1):
        total += (-1) ** k * law(complex(a, 2 * k * math.pi) / (2 * t)).real
        sums.append(total)
    mean = sum(math.comb(m, j) * sums[n - 1 + j] for j in range(m + 1)) / 2 ** m
    return math.exp(a / 2) / t * mean


def mg1(id, rate, service, mean, cv, law=None, tol=0.03):
    load = rate * mean
    wait = load / (1 - load) * mean * (1 + cv * cv) / 2
    expect = {"utilization": load, "p_wait": load, "mean_wait": wait, "mean_sojourn": wait + mean,
              "mean_in_system": rate * (wait + mean), "mean_queue": rate * wait}
    if law:
        waiting = lambda s: (1 - load) * s / (s - rate * (1 - law(s)))
        for name, of in (("wait", waiting), ("sojourn", lambda s: waiting(s) * law(s))):
            for q in ("50", "95", "99"):
                q_ = float("0." + q)
                if name == "wait" and q_ <= 1 - load:
                    continue
                # Tails have no step at 0.
                longer = lambda t: inverted(lambda s: (1 - of(s)) / s, t)
                expect[name + "_p" + q] = root(lambda t: 1 - q_ - longer(t), 1e-6 * mean, 200 * mean)
    case(id, "M/G/1", poisson(rate, service), expect, tol, 5_000_000)


def sharing(id, rate, service, mean, cores=1, family="M/G/1-PS"):
    a = rate * mean
    model = {"arrivals": "poisson", "lambda_": rate, "cores": cores, "servers": cores, "discipline": "ps",
             "per_job_cap": 1.0, "service": service}
    p = erlang_c(cores, a)
    number = a + p * a / (cores - a)
    expect = {"utilization": a / cores, "mean_in_system": number, "mean_sojourn": number / rate, "p_all_busy": p}
    if cores == 1:
        slow = 1 / (1 - a)
        expect = {**expect, "slowdown_at_half_mean": slow, "slowdown_at_2x_mean": slow, "p_n_ge_5": a ** 5}
        del expect["p_all_busy"]
    case(id, family, model, expect, 0.03, 5_000_000, p_n_ge_5=0.08)


def usl(id, rate, mean, cores, alpha, beta, most):
    speed = lambda n: min(n, cores) / (1 + alpha * (n - 1) + beta * n * (n - 1))
    p = chain([rate] * most, [speed(n) / mean for n in range(1, most + 1)])
    number = sum(n * x for n, x in enumerate(p))
    accepted = rate * (1 - p[-1])
    model = {"arrivals": "poisson", "lambda_": rate, "cores": cores, "discipline": "ps",
             "total_rate_of_n": "min(n,cores)/(1+alpha*(n-1)+beta*n*(n-1))", "alpha": alpha, "beta": beta,
             "max_in_service": most, "queue_limit": 0, "service": lognormal(mean, 1.5)}
    case(id, "M/G/1-PS with USL rate", model,
         {"mean_in_system": number, "mean_sojourn_accepted": number / accepted, "p_empty": p[0], "throughput": accepted}, 0.03, 5_000_000)


def md1(id, load, mean):
    rate = load / mean

    def within(t):
        """Erlang's series for the wait's distribution function; its terms cancel, so with 80 digits."""
        x = Decimal(t) / Decimal(mean)
        total = Decimal(0)
        for k in range(int(x) + 1):
            y = Decimal(load) * (k - x)
            total += (y ** k if k else Decimal(1)) / math.factorial(k) * (-y).exp()
        return float(total) * (1 - load)

    wait = load * mean / (2 * (1 - load))
    expect = {"utilization": load, "p_wait": load, "mean_wait": wait, "mean_sojourn": wait + mean,
              "p_wait_le_D": within(mean), "p_wait_le_2D": within(2 * mean)}
    for q in ("90", "99"):
        expect["wait_p" + q] = root(lambda t: within(t) - float("0." + q), 0, 5 * mean / (1 - load))
    case(id, "M/D/1", poisson(rate, {"dist": "deterministic", "mean": mean}), expect, 0.03, 5_000_000)


def infinite(id, rate, service, mean):
    a = rate * mean
    p, below, n = math.exp(-a), math.exp(-a), 0
    while below < 0.99:
        n += 1
        p *= a / n
        below += p
    model = {"arrivals": "poisson", "lambda_": rate, "servers": None, "discipline": "infinite", "service": service}
    case(id, "M/G/inf", model, {"mean_in_system": a, "var_in_system": a, "n_p99": float(n), "mean_sojourn": mean}, 0.02, 2_000_000,
         var_in_system=0.06)
    CASES[-1]["tol"]["n_p99"] = {"abs": 1}


# ---------------------------------------------------------------- networks and balancing

def solved(a, b):
    """Gauss."""
    n = len(b)
    rows = [row[:] + [x] for row, x in zip(a, b)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                f = rows[r][i] / rows[i][i]
                rows[r] = [x - f * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def jackson(id, nodes, routing):
    """`nodes`: name, servers, mean, external rate."""
    n = len(nodes)
    flows = solved([[float(i == j) - routing[j][i] for j in range(n)] for i in range(n)], [node[3] for node in nodes])
    expect, total = {}, 0.0
    for (name, c, mean, _), flow in zip(nodes, flows):
        a = flow * mean
        wait = erlang_c(c, a) * mean / (c - a)
        total += flow * (wait + mean)
        expect.update({name + "_throughput": flow, name + "_utilization": a / c, name + "_mean_wait": wait,
                       name + "_mean_in_system": flow * (wait + mean)})
    outside = sum(node[3] for node in nodes)
    expect["mean_end_to_end"] = total / outside
    model = {"nodes": [{"name": name, "servers": c, "service": exponential(mean), "external_rate": rate} for name, c, mean, rate in nodes],
             "routing": routing, "discipline": "fifo",
             "routing_kind": "markov: after service at i go to j with probability P[i][j], else leave; the caller does not hold its server while downstream works"}
    case(id, "Jackson network", model, expect, 0.03, 3_000_000, **{node[0] + "_mean_wait": 0.06 for node in nodes})


def balanced(id, family, lb, rate, replicas, mean, expect, tol=0.03, requests=4_000_000, **more):
    own = more.pop("own", {})
    model = poisson(rate, exponential(mean), 1, replicas=replicas, lb=lb, **more)
    case(id, family, model, expect, tol, requests, **own)


def lb_random(id, load, replicas, mean):
    sojourn = mean / (1 - load)
    balanced(id, "LB random", "random", load * replicas / mean, replicas, mean,
             {"mean_sojourn": sojourn, "sojourn_p99": sojourn * math.log(100), "utilization": load})


def lb_turns(id, load, replicas, mean):
    """Each is E_n/M/1: sigma = A*(mu (1 - sigma))."""
    rate = load * replicas / mean
    sigma = root(lambda s: s - (rate / (rate + (1 - s) / mean)) ** replicas, 0, 1 - 1e-9)
    sojourn = mean / (1 - sigma)
    balanced(id, "LB round robin", "round_robin", rate, replicas, mean,
             {"p_wait": sigma, "mean_sojourn": sojourn, "mean_wait": sojourn - mean, "sojourn_p99": sojourn * math.log(100)})


def lb_choices(id, choices, load):
    share = lambda i: load ** ((choices ** i - 1) / (choices - 1))
    expect = {"mean_sojourn": sum(share(i) for i in range(1, 60)) / load,
              **{f"frac_replicas_ge_{i}": share(i) for i in (1, 2, 3)}}
    balanced(id, "LB power of d (mean field)", f"power_of_{choices}", 1000 * load, 1000, 1.0, expect, 0.03, 20_000_000,
             sampling="with replacement or without: same limit", own={"frac_replicas_ge_3": 0.08})


def stationary(moves, start):
    """The stationary law of a Markov chain that is given by its moves from a state: by sweeps (Gauss and Seidel)."""
    order, found, into = [start], {start: 0}, [[]]
    out = []
    for state in order:
        leaving = 0.0
        for to, rate in moves(state):
            if to not in found:
                found[to] = len(order)
                order.append(to)
                into.append([])
            into[found[to]].append((found[state], rate))
            leaving += rate
        out.append(leaving)
    p = [1.0 / len(order)] * len(order)
    for sweep in range(20_000):
        moved = 0.0
        for i, sources in enumerate(into):
            new = sum(p[j] * rate for j, rate in sources) / out[i]
            moved = max(moved, abs(new - p[i]))
            p[i] = new
        if sweep % 50 == 0:
            total = sum(p)
            p = [x / total for x in p]
            if moved < 1e-13:
                break
    total = sum(p)
    return {state: p[i] / total for i, state in enumerate(order)}


def shortest(id, rate):
    most = 40

    def moves(state):
        a, b = state
        if a < most and b < most:
            if a == b:
                yield (a + 1, b), rate / 2
                yield (a, b + 1), rate / 2
            else:
                yield ((a + 1, b) if a < b else (a, b + 1)), rate
        if a:
            yield (a - 1, b), 1.0
        if b:
            yield (a, b - 1), 1.0

    p = stationary(moves, (0, 0))
    number = sum((a + b) * x for (a, b), x in p.items())
    balanced(id, "LB join shortest queue, 2 servers", "least_connections", rate, 2, 1.0,
             {"mean_sojourn": number / rate, "mean_in_system": number, "p_empty": p[0, 0],
              "p_both_busy": sum(x for (a, b), x in p.items() if a and b)}, 0.02, 3_000_000, tie="random")


# ---------------------------------------------------------------- those who come again

def retrial(id, rate, c, mean, backoff, persist=1.0, most=400):
    def moves(state):
        busy, orbit = state
        if busy < c:
            yield (busy + 1, orbit), rate
            if orbit:
                yield (busy + 1, orbit - 1), orbit / backoff
        else:
            if orbit < most:
                yield (busy, orbit + 1), rate * persist
            if orbit and persist < 1:
                yield (busy, orbit - 1), orbit / backoff * (1 - persist)
        if busy:
            yield (busy - 1, orbit), busy / mean

    p = stationary(moves, (0, 0))
    orbit = sum(o * x for (_, o), x in p.items())
    busy = sum(b * x for (b, _), x in p.items())
    blocked = sum(x for (b, _), x in p.items() if b == c)
    expect = {"p_first_try_blocked": blocked, "mean_in_orbit": orbit, "utilization": busy / c, "throughput": busy / mean,
              "retry_rate": orbit / backoff, "amplification": 1 + orbit / backoff / rate}
    model = poisson(rate, exponential(mean), c, queue_limit=0,
                    retry={"backoff": "exponential", "mean_backoff": backoff, "max_retries": None, "persist_probability": persist})
    del model["discipline"]
    case(id, "retrial M/M/c/c", model, expect, 0.02, 3_000_000, mean_in_orbit=0.05, retry_rate=0.05)


def retries(id, fails, most):
    case(id, "retry amplification, independent failures",
         {"p_fail_per_attempt": fails, "max_retries": most, "note": "failures independent of load"},
         {"mean_attempts": (1 - fails ** (most + 1)) / (1 - fails), "p_final_failure": fails ** (most + 1)}, 0.01, 2_000_000,
         p_final_failure=0.05)


def fan_out(id, k, mean):
    at = lambda q: -mean * math.log(1 - q ** (1 / k))
    model = {"arrivals": "poisson", "lambda_": 100, "fan_out": k, "branch": {"servers": None, **exponential(mean)}}
    case(id, "parallel fan-out, no queueing", model,
         {"mean": mean * sum(1 / n for n in range(1, k + 1)), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99)}, 0.015, 1_000_000)


def fan_out_lognormal(id, k, mean, cv):
    """The k-th power of the distribution function."""
    service = lognormal(mean, cv)
    below = lambda t: 0.5 * math.erfc(-(math.log(t) - service["log_mu"]) / service["log_sigma"] / math.sqrt(2))
    at = lambda q: math.exp(root(lambda x: below(math.exp(x)) ** k - q, math.log(mean) - 20, math.log(mean) + 20))
    longest, steps = 400 * mean, 400_000
    step = longest / steps
    whole = sum(1 - below((n + 0.5) * step) ** k for n in range(steps)) * step
    model = {"arrivals": "poisson", "lambda_": 100, "fan_out": k, "branch": {"servers": None, **service}}
    case(id, "parallel fan-out, no queueing", model, {"mean": whole, "p50": at(0.5), "p99": at(0.99)}, 0.02, 1_000_000)


# ---------------------------------------------------------------- loads that change

def wave(id, rate, beta, period, service, mean, law):
    """The excess life has the transform (1 - L(s)) / (s mean), and at s = i omega it says how the wave gets through."""
    omega = 2 * math.pi / period
    through = (1 - law(complex(0, omega))) / (complex(0, omega) * mean)
    level, amplitude = rate * mean, rate * mean * beta * abs(through)
    lag = -cmath.phase(through) / omega % period
    at = lambda phase: level + amplitude * math.sin(2 * math.pi * phase - omega * lag)
    model = {"arrivals": "nonhomogeneous poisson", "rate": "lambda0*(1+beta*sin(2*pi*t/period))", "lambda0": rate, "beta": beta,
             "period": period, "discipline": "infinite", "service": service,
             "measure": "N(t) is Poisson(m(t)); periodic steady state, average over many cycles"}
    expect = {"mean_over_cycle": level, "amplitude": amplitude, "peak_lag": lag, "peak_time": (lag + period / 4) % period,
              "max_mean": level + amplitude, "min_mean": level - amplitude, "m_at_0_8": at(0), "m_at_3_8": at(3 / 8)}
    case(id, "M(t)/G/inf sinusoidal", model, expect, 0.02, 3_000_000, amplitude=0.05, peak_lag=0.05)


def transient(id, rate_model, rate, servers_model, servers, mean, times, more=None):
    """The forward equations, by Runge and Kutta's method. `more` are fields of the model."""
    most = 300
    p = [1.0] + [0.0] * most

    def slope(t, p):
        a, c = rate(t), servers(t)
        out = [0.0] * (most + 1)
        for n in range(most + 1):
            down = min(n, c) / mean
            up = a if n < most else 0.0
            out[n] -= p[n] * (up + down)
            if n < most:
                out[n + 1] += p[n] * up
            if n:
                out[n - 1] += p[n] * down
        return out

    expect, now, step = {}, 0.0, mean / 80
    for time in times:
        while now < time - 1e-12:
            h = min(step, time - now)
            # Just inside the step, so that a change at its end does not count.
            k1 = slope(now, p)
            k2 = slope(now + h / 2, [x + h / 2 * k for x, k in zip(p, k1)])
            k3 = slope(now + h / 2, [x + h / 2 * k for x, k in zip(p, k2)])
            k4 = slope(now + h * (1 - 1e-9), [x + h * k for x, k in zip(p, k3)])
            p = [x + h / 6 * (a + 2 * b + 2 * c + d) for x, a, b, c, d in zip(p, k1, k2, k3, k4)]
            now += h
        expect[f"mean_n_at_{time:g}"] = sum(n * x for n, x in enumerate(p))
        expect[f"p_wait_at_{time:g}"] = sum(p[servers(time):])
    model = {"arrivals": "nonhomogeneous poisson", "rate": rate_model, "service": exponential(mean), "servers_schedule": servers_model,
             "discipline": "fifo", "start": "empty", "measure": "ensemble average over independent replications",
             "truncation": most, "edge_mass": p[-1], **(more or {})}
    CASES.append({"id": id, "family": "M(t)/M/c(t) transient", "model": model, "expect": expect,
                  "tol": {"default": {"rel": 0.03, "abs": 0.03}, "note": {"replications": 20000}}})


# ---------------------------------------------------------------- servers that come and go

def setup(id, rate, c, mean, start_up):
    most = 150

    def moves(state):
        on, n = state
        if n < most:
            yield (on, n + 1), rate
        starting = min(c - on, n - on)
        if starting > 0:
            yield (on + 1, n), starting / start_up
        if on and n:
            # Nobody waits: the server is off at once.
            yield (min(on, n - 1), n - 1), on / mean

    p = stationary(moves, (0, 0))
    number = sum(n * x for (_, n), x in p.items())
    case(id, "M/M/c/setup",
         poisson(rate, exponential(mean), c, setup=exponential(start_up),
                 rule="idle server off at once; every waiting job has one server in setup while any is off; a setup is cancelled when its job is taken by a freed server"),
         {"mean_sojourn": number / rate, "mean_in_system": number, "mean_busy": rate * mean,
          "mean_in_setup": sum(min(c - on, n - on) * x for (on, n), x in p.items()),
          "p_all_on": sum(x for (on, _), x in p.items() if on == c)}, 0.03, 3_000_000, p_all_on=0.06)


def breakdowns(id, rate, mean, up, down):
    """A chain of two states a level, from below: by the cut above a level, and the balance of the state that stands still."""
    mu, fail, mend = 1 / mean, 1 / up, 1 / down
    levels = [(1.0, fail / (rate + mend))]
    for _ in range(3000):
        works, still = levels[-1]
        more = rate * (works + still) / mu
        levels.append((more, (rate * still + fail * more) / (rate + mend)))
    total = sum(a + b for a, b in levels)
    number = sum(n * (a + b) for n, (a, b) in enumerate(levels)) / total
    faults = {"up_mean": up, "down_mean": down, "dist": "exponential", "when": "busy or idle", "job": "kept, resumes"}
    case(id, "M/M/1 with breakdowns", poisson(rate, exponential(mean), faults=faults),
         {"availability": up / (up + down), "mean_in_system": number, "mean_sojourn": number / rate}, 0.05, 10_000_000)


def fluid(id, before, after, step_at, first, then, ready, mean):
    backlog = (after - first / mean) * (ready - step_at)
    drain = backlog / (then / mean - after)
    case(id, "fluid overload and drain",
         {"arrivals": "deterministic or poisson at high rate", "rate_before": before, "rate_after": after, "step_at": step_at,
          "servers_before": first, "servers_after": then, "ready_at": ready, "service": {"mean": mean}, "discipline": "fifo"},
         {"peak_backlog": backlog, "drain_time": drain, "clear_at": ready + drain, "max_wait": backlog * mean / then,
          "requests_delayed": after * (ready + drain - step_at)}, 0.04, 500_000)


mmc("mm1_rho30", 30, 1, 0.01, 3_000_000)
mmc("mm1_rho80_slow", 0.8, 1, 1.0, 12_000_000)
mmc("mm1_rho90", 90, 1, 0.01, 60_000_000)
mmc("mmc_c2_rho70", 140, 2, 0.01, 6_000_000)
mmc("mmc_c3_rho67", 2, 3, 1.0, 6_000_000)
mmc("mmc_c50_rho90", 4500, 50, 0.01, 30_000_000)
mmck("mmck_c1_K5", 120, 1, 4, 0.01)
mmck("erlangb_c10", 900, 10, 0, 0.01)
for name, service in (("erlang4", erlang_of(0.01, 4)), ("h2", hyper(0.9, 0.005, 0.055))):
    mg1(f"mg1_{name}_rho60", 60, service[0], 0.01, service[1], service[2])
mg1("mg1_lognormal_cv05_rho80", 80, lognormal(0.01, 0.5), 0.01, 0.5)
mg1("mg1_uniform_rho70", 70, {"dist": "uniform", "low": 0.0, "high": 0.02}, 0.01, 1 / math.sqrt(3))
mg1("mg1_gamma_rho70", 70, {"dist": "gamma", "shape": 0.5, "mean": 0.01}, 0.01, math.sqrt(2), lambda s: (1 + s * 0.02) ** -0.5)
mg1("mg1_two_point_rho70", 70, {"dist": "two_point", "values": [0.005, 0.03], "probs": [0.8, 0.2], "mean": 0.01}, 0.01, 1.0,
    lambda s: 0.8 * cmath.exp(-0.005 * s) + 0.2 * cmath.exp(-0.03 * s))
sharing("mg1ps_deterministic_rho50", 50, {"dist": "deterministic", "mean": 0.01}, 0.01)
sharing("mg1ps_h2_rho80", 80, hyper(0.9, 0.005, 0.055)[0], 0.01)
sharing("mgcps_2core_rho60", 60, exponential(0.02), 0.02, 2, "M/G/c-PS")
sharing("mgcps_8core_rho90", 360, lognormal(0.02, 1.0), 0.02, 8, "M/G/c-PS")
usl("psusl_4c", 120, 0.01, 4, 0.02, 0.0002, 64)
usl("psusl_2c_lossy", 200, 0.01, 2, 0.03, 0.0, 10)
md1("md1_rho50", 0.5, 0.01)
md1("md1_rho90", 0.9, 0.002)
infinite("mginf_deterministic", 40, {"dist": "deterministic", "mean": 0.5}, 0.5)
infinite("mginf_h2", 200, hyper(0.8, 0.05, 0.3)[0], 0.1)
jackson("jackson_feedback", [("front", 1, 0.005, 50), ("back", 2, 0.02, 10)], [[0.2, 0.5], [0.4, 0]])
jackson("jackson_shop", [("gateway", 2, 0.002, 300), ("search-1", 4, 0.02, 0), ("order", 1, 0.01, 5), ("bank", 3, 0.05, 0)],
        [[0, 0.4, 0.1, 0], [0.1, 0, 0.05, 0], [0, 0, 0, 0.9], [0, 0, 0.1, 0]])
lb_random("lb_random_4", 0.6, 4, 0.01)
lb_turns("lb_rr_5", 0.85, 5, 0.01)
lb_turns("lb_rr_20", 0.9, 20, 0.02)
lb_choices("p2c_rho90", 2, 0.9)
lb_choices("p3c_rho80", 3, 0.8)
shortest("jsq2_lam0.5", 0.5)
shortest("jsq2_lam1.7", 1.7)
erlang_a("erlanga_10_overload", 120, 10, 0.1, 0.1)
erlang_a("erlanga_100", 980, 100, 0.1, 1.0)
retrial("retrial_c1", 5, 1, 0.1, 0.2)
retrial("retrial_c3_persist", 40, 3, 0.1, 0.05, 0.7)
retries("retry_p50_R3", 0.5, 3)
retries("retry_p20_R0", 0.2, 0)
fan_out("fan_1", 1, 0.05)
fan_out("fan_40", 40, 0.01)
fan_out_lognormal("fan_5_lognormal", 5, 0.01, 1.0)
wave("mtginf_deterministic", 100, 0.5, 30, {"dist": "deterministic", "mean": 6}, 6, lambda s: cmath.exp(-6 * s))
wave("mtginf_erlang", 200, 0.9, 20, erlang_of(2, 3)[0], 2, erlang_of(2, 3)[2])
transient("mtmmc_step_up", {"kind": "constant", "values": [80], "change_times": []}, lambda t: 80.0,
          {"values": [5, 12], "change_times": [2]}, lambda t: 5 if t < 2 else 12, 0.1, [1, 2.5, 4, 8])
transient("mtmmc_step_down", {"kind": "step", "values": [60, 30], "change_times": [1]}, lambda t: 60.0 if t < 1 else 30.0,
          {"values": [8, 4], "change_times": [2]}, lambda t: 8 if t < 2 else 4, 0.1, [0.5, 1.5, 3])
transient("mtmmc_sine", {"kind": "sinusoid", "mean": 70, "amplitude": 0.6, "period": 4}, lambda t: 70 * (1 + 0.6 * math.sin(math.pi * t / 2)),
          {"values": [10], "change_times": []}, lambda t: 10, 0.1, [1, 2, 3, 4, 6])
transient("mtmmc_sine_formula", "lambda0*(1+beta*sin(2*pi*t/period))", lambda t: 50 * (1 + 0.5 * math.sin(math.pi * t)),
          {"values": [8], "change_times": []}, lambda t: 8, 0.1, [0.5, 1, 1.5], {"lambda0": 50, "beta": 0.5, "period": 2})
repair("repair_5_2", 5, 2, 0.5, 1.0)
repair("repair_100_10", 100, 10, 0.1, 1.0)
setup("setup_c1", 5, 1, 0.1, 0.3)
setup("setup_c5_slow", 30, 5, 0.1, 2.0)
breakdowns("break_long", 20, 0.02, 30.0, 5.0)
breakdowns("break_short", 60, 0.01, 1.0, 0.1)
fluid("fluid_b", 500, 2000, 30, 60, 150, 90, 0.05)

print(json.dumps({"version": 1, "time_unit": "s", "cases": CASES}, indent=1))
