"""M/M/10 at 80 % load in SimPy: mmc_simpy.py CUSTOMERS. Prints events, seconds of CPU, mean wait (0.2046 by Erlang C)."""

import random
import sys
import time

import simpy

SERVERS, RATE = 10, 8.0


def customer(env, servers, total):
    arrived = env.now
    with servers.request() as turn:
        yield turn
        total[0] += env.now - arrived
        yield env.timeout(random.expovariate(1.0))


def arrivals(env, servers, customers, total):
    for _ in range(customers):
        yield env.timeout(random.expovariate(RATE))
        env.process(customer(env, servers, total))


def main():
    customers = int(sys.argv[1])
    random.seed(1)
    env, total = simpy.Environment(), [0.0]
    servers = simpy.Resource(env, capacity=SERVERS)
    begin = time.process_time()
    env.process(arrivals(env, servers, customers, total))
    env.run()
    seconds = time.process_time() - begin
    print(f"simpy {2 * customers} {seconds:.3f} {total[0] / customers:.4f}")


main()
