"""benchmarks/scenarios/shop.yaml in SimPy: shop_simpy.py PAGES. Prints pages, seconds of CPU, and mean, p50, p99 in milliseconds."""

import math
import random
import sys
import time

import simpy

RATE = 2000.0
REPLICAS = {"auth": 4, "catalogue": 22, "order": 12, "payment": 12}
SLOTS = 2


class Replica:
    def __init__(self, env):
        self.slots = simpy.Resource(env, capacity=SLOTS)
        self.in_flight = 0


def lognormal(mean):
    # cv 1: sigma² = ln 2.
    sigma = math.sqrt(math.log(2.0))
    return random.lognormvariate(math.log(mean) - sigma * sigma / 2.0, sigma)


def choose(replicas):
    first, second = random.sample(range(len(replicas)), 2)
    a, b = replicas[first], replicas[second]
    return b if b.in_flight < a.in_flight else a


def call(env, shop, service, steps):
    replica = choose(shop[service])
    replica.in_flight += 1
    with replica.slots.request() as turn:
        yield turn
        for step in steps:
            if isinstance(step, float):
                yield env.timeout(lognormal(step))
            else:
                yield env.process(call(env, shop, *step))
    replica.in_flight -= 1


VERIFY = ("auth", [0.002])
CHARGE = ("payment", [0.002, 0.040])
PAGES = {
    "list": ("catalogue", [0.008]),
    "search": ("catalogue", [VERIFY, 0.020]),
    "checkout": ("order", [0.006, VERIFY, CHARGE]),
}


def page(env, shop, latencies):
    asked = env.now
    luck = random.random()
    name = "list" if luck < 0.7 else "search" if luck < 0.9 else "checkout"
    yield env.process(call(env, shop, *PAGES[name]))
    latencies.append(env.now - asked)


def arrivals(env, shop, pages, latencies):
    for _ in range(pages):
        yield env.timeout(random.expovariate(RATE))
        env.process(page(env, shop, latencies))


def main():
    pages = int(sys.argv[1])
    random.seed(1)
    env, latencies = simpy.Environment(), []
    shop = {name: [Replica(env) for _ in range(count)] for name, count in REPLICAS.items()}
    begin = time.process_time()
    env.process(arrivals(env, shop, pages, latencies))
    env.run()
    seconds = time.process_time() - begin
    latencies.sort()
    mean = 1000 * sum(latencies) / pages
    p50, p99 = (1000 * latencies[int(q * pages)] for q in (0.5, 0.99))
    print(f"simpy {pages} {seconds:.3f} {mean:.2f} {p50:.2f} {p99:.2f}")


main()
