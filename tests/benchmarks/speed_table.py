#!/usr/bin/env python3
"""How the cost of a simulation grows with the machine: the table of docs/speed.md.

    tests/benchmarks/speed_table.py [ORRERY] [DEVICES...]      default: build/release/bin/orrery, 512 to 16384

GPT-3 175B as gpt3-175b-1024-a100 has it (tensor 8, pipeline 16, 192 micro-batches), data-parallel replicas and batch grown
with the devices. CPU seconds of all processes (the lesser of two runs) and the memory of the largest process.
"""
import os
import re
import sys


def measure(orrery, devices, ecmp, fidelity):
    data = devices // 128
    sets = {"/cluster/pools/0/count": devices // 8, "/cluster/fabric/radix": 40 if devices <= 8192 else 64,
            "/cluster/fabric/ecmp": ecmp, "/jobs/0/plan/data": data, "/jobs/0/batch/global": 192 * data}
    command = [orrery, "run", "gpt3-175b-1024-a100", "--fidelity", fidelity]
    for pointer, value in sets.items():
        command += ["--set", f"{pointer}={value}"]
    best = None
    for _ in range(2):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            os.closerange(3, 100)
            os.execv(orrery, command)
        os.close(writer)
        with os.fdopen(reader) as stream:
            text = stream.read()
        _, status, used = os.wait4(child, 0)
        if status != 0:
            sys.exit(text)
        seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        if best is None or seconds < best[0]:
            best = (seconds, memory)
    folded = re.search(r"ranks run as (\d+) .*, (\d+) operations", text)
    return int(folded[1]), int(folded[2]), *best


def main():
    arguments = sys.argv[1:]
    orrery = os.path.abspath(arguments.pop(0) if arguments else "build/release/bin/orrery")
    sizes = [int(a) for a in arguments] or [512, 1024, 2048, 4096, 8192, 16384]
    print("| Devices | Routes | Classes | Operations | flow, CPU | memory | analytic, CPU | memory |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for devices, ecmp in [(n, "ideal") for n in sizes] + ([] if arguments else [(512, "hash"), (1024, "hash")]):
        classes, operations, seconds, memory = measure(orrery, devices, ecmp, "flow")
        _, _, analytic, analytic_memory = measure(orrery, devices, ecmp, "analytic")
        print(f"| {devices} | {ecmp} | {classes} | {operations:,} | {seconds:.2f} s | {memory:.0f} MB "
              f"| {analytic:.2f} s | {analytic_memory:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
