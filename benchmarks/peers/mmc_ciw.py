"""M/M/10 at 80 % load in ciw: mmc_ciw.py CUSTOMERS. Prints events, seconds of CPU, mean wait (0.2046 by Erlang C)."""

import sys
import time

import ciw

SERVERS, RATE = 10, 8.0


def main():
    customers = int(sys.argv[1])
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=RATE)],
        service_distributions=[ciw.dists.Exponential(rate=1.0)],
        number_of_servers=[SERVERS],
    )
    ciw.seed(1)
    simulation = ciw.Simulation(network)
    begin = time.process_time()
    simulation.simulate_until_max_customers(customers)
    seconds = time.process_time() - begin
    records = simulation.get_all_records()
    wait = sum(r.waiting_time for r in records) / len(records)
    print(f"ciw {2 * customers} {seconds:.3f} {wait:.4f}")


main()
