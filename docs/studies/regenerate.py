#!/usr/bin/env python3
"""Runs the studies beside this file and writes their tables (between the "generated" marks of the .md files) and plots.

    python3 docs/studies/regenerate.py [path of the orrery binary, default build/release/bin/orrery]

Needs no packages. Takes a minute or two; two runs of the same version write the same files.
"""
import json
import pathlib
import re
import subprocess
import sys

from line_plot import line_plot

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ORRERY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/bin/orrery")
SCENARIOS = ROOT / "scenarios/library/studies"
NODES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
SYSTEMS = [("DGX H100, 8 x NDR", "accelerator-dgx-h100"), ("DGX A100, 8 x HDR", "accelerator-dgx-a100"),
           ("A100 PCIe, 25 Gb/s", "conventional-a100-pcie-25gbe"), ("A100 PCIe, 10 Gb/s", "conventional-a100-pcie-10gbe")]


def run(*arguments):
    done = subprocess.run([ORRERY, *arguments], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"orrery {' '.join(arguments)}\n{done.stderr}")
    return json.loads(done.stdout)


def scale(system, nodes, changes=(), mode="--weak", baseline=None):
    """Points of a scaling study of one system, by number of nodes (of eight devices)."""
    arguments = ["scale", str(SCENARIOS / f"{system}.json"), mode, "--json", "--devices", ",".join(str(int(8 * n)) for n in nodes)]
    if baseline:
        arguments += ["--baseline", str(baseline)]
    for pointer, value in changes:
        arguments += ["--set", f"{pointer}={json.dumps(value)}"]
    return {p["devices"] / 8: p for p in run(*arguments)["points"]}


def percent(value, digits=1):
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def write_blocks(file, blocks):
    text = file.read_text()
    for name, content in blocks.items():
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(\n<!-- end -->)", re.S)
        if not pattern.search(text):
            sys.exit(f"{file.name}: no block {name}")
        text = pattern.sub(lambda m: m.group(1) + content + m.group(2), text)
    file.write_text(text)


def overlap(system):
    return system.startswith("accelerator")


def software(base, system, **switches):
    if overlap(system):
        return {"base": base}
    off = {key: False for key in switches.get("off", ["gradient_overlap"])}
    return {"base": base, **off}


def workloads(system):
    """Name, changes, mode, sizes in nodes. The first is the scenario as shipped."""
    sharded = software("pytorch-fsdp", system, off=["gradient_overlap", "parameter_gather_overlap"])
    megatron = software("megatron-core", system,
                        off=["gradient_overlap", "parameter_gather_overlap", "tensor_overlap", "pipeline_overlap"])
    return [
        ("GPT 1.3B, data parallel, weak: 16 sequences per device", [], "--weak", NODES),
        ("GPT 1.3B, data parallel, strong: 8192 sequences", [("/jobs/0/batch", {"global": 8192, "micro": 2})], "--strong", NODES),
        ("Llama 2 7B, ZeRO-3, weak: 4 sequences of 4096 per device",
         [("/jobs/0/model", "llama2-7b"), ("/jobs/0/batch", {"global": 16384, "micro": 2}),
          ("/jobs/0/plan", {"zero_stage": 3, "recompute": "full"}), ("/jobs/0/software", sharded)], "--weak", NODES),
        ("GPT-3 175B, tensor 8, pipeline 16, strong: 1536 sequences, from 16 nodes",
         [("/jobs/0/model", "gpt3-175b"), ("/jobs/0/batch", {"global": 1536, "micro": 1}),
          ("/jobs/0/plan", {"tensor": 8, "pipeline": 16, "zero_stage": 1, "recompute": "full"}), ("/jobs/0/software", megatron)],
         "--strong", [16, 32, 64, 128, 256, 512]),
    ]


def overview():
    """Efficiency at 512 nodes: every workload on every system. Also the curves of the first workload."""
    rows, limits, curves = [], [], {}
    for index in range(4):
        row, limit = [], []
        for title, system in SYSTEMS:
            name, changes, mode, nodes = workloads(system)[index]
            points = scale(system, nodes, changes, mode)
            last = points[512]
            row.append(f"{percent(last['scaling_efficiency'])} (MFU {percent(last['metrics']['mfu'])})"
                       + ("" if last["feasible"] else ", does not fit in memory"))
            limit.append(last["limit"] or "nothing above 0.2 %")
            curves[(index, title)] = [(n, 100 * p["scaling_efficiency"]) for n, p in points.items()]
        rows.append([name] + row)
        limits.append([name] + limit)
    head = ["workload"] + [title for title, _ in SYSTEMS]
    return table(head, rows), table(head, limits), curves


V100 = [("/cluster/pools/0/node/device", "nvidia-v100-pcie-32gb"), ("/jobs/0/precision", "fp16"),
        ("/jobs/0/batch", {"global": 65536, "micro": 1})]


def change_list():
    def nic(link, count):
        return [("/cluster/pools/0/node/nics", {"link": link, "count": count})]

    return [
        ("as shipped", []),
        ("no overlap of the gradient reduction", [("/jobs/0/software/gradient_overlap", False)]),
        ("overlap of the gradient reduction", [("/jobs/0/software/gradient_overlap", True)]),
        ("gradients reduced in 16 bits", [("/jobs/0/software/gradients_in_fp32", False)]),
        ("no accumulation: 4 sequences per device and step", [("/jobs/0/batch", {"global": 16384, "micro": 4})]),
        ("accumulated 16 times: 64 sequences", [("/jobs/0/batch", {"global": 262144, "micro": 4})]),
        ("one 10 Gb/s port per node", nic("ethernet-10", 1)),
        ("one 100 Gb/s port per node", nic("ethernet-100", 1)),
        ("V100 PCIe boards (fp16)", V100),
        ("V100 PCIe boards, gradients reduced in 16 bits", V100 + [("/jobs/0/software/gradients_in_fp32", False)]),
        ("eight HDR ports per node", nic("infiniband-hdr-200", 8)),
        ("fabric oversubscribed 4 : 1", [("/cluster/fabric/oversubscription", 4)]),
        ("paths chosen by hash instead of spread", [("/cluster/fabric/ecmp", "hash"), ("/cluster/fabric/levels", 2), ("/cluster/fabric/radix", 256)]),
    ]


def sensitivity():
    systems = [("DGX A100, 8 x HDR", "accelerator-dgx-a100"), ("A100 PCIe, 25 Gb/s", "conventional-a100-pcie-25gbe")]
    rows = []
    for name, changes in change_list():
        row = [name]
        for _, system in systems:
            if changes[:1] == V100[:1] and overlap(system):
                row += ["-", "-"]
                continue
            points = scale(system, [1, 512], changes)
            row += [percent(points[512]["scaling_efficiency"]), percent(points[512]["metrics"]["mfu"])]
        rows.append(row)
    row = ["one device of 4096 runs at 94 % speed"]  # the baseline is a node without it
    for _, system in systems:
        slow = [("/cluster/pools/0/slow_devices", [0]), ("/cluster/pools/0/slow_factor", 0.94)]
        base = scale(system, [1])[1]["metrics"]["tokens_per_s_per_device"]
        point = scale(system, [512], slow)[512]["metrics"]
        row += [percent(point["tokens_per_s_per_device"] / base), percent(point["mfu"])]
    rows.append(row)
    row = ["as shipped, baseline one device instead of one node"]
    for _, system in systems:
        point = scale(system, [0.125, 512])[512]
        row += [percent(point["scaling_efficiency"]), percent(point["metrics"]["mfu"])]
    rows.append(row)
    return table(["changed"] + [f"{t}: {what}" for t, _ in systems for what in ("efficiency", "MFU")], rows)


def accumulation():
    """Efficiency at 512 nodes over the sequences that a device computes between two reductions."""
    cases = [("A100 PCIe, 25 Gb/s, no overlap", "conventional-a100-pcie-25gbe", False),
             ("A100 PCIe, 25 Gb/s, overlap", "conventional-a100-pcie-25gbe", True),
             ("A100 PCIe, 10 Gb/s, no overlap", "conventional-a100-pcie-10gbe", False),
             ("DGX A100, 8 x HDR, no overlap", "accelerator-dgx-a100", False),
             ("DGX A100, 8 x HDR, overlap", "accelerator-dgx-a100", True)]
    per_device = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    curves = []
    for name, system, hidden in cases:
        line = []
        for n in per_device:
            changes = [("/jobs/0/batch", {"global": 4096 * n, "micro": min(4, n)}), ("/jobs/0/software/gradient_overlap", hidden)]
            line.append((n, 100 * scale(system, [1, 512], changes)[512]["scaling_efficiency"]))
        curves.append((name, line, False))
    rows = [[f"{n}"] + [f"{line[i][1]:.1f} %" for _, line, _ in curves] for i, n in enumerate(per_device)]
    marks = [("94 %", [(1, 94), (256, 94)], True), ("78 %", [(1, 78), (256, 78)], True)]
    line_plot(HERE / "transformer-to-512-nodes-accumulation.svg", "Efficiency at 512 nodes over the work between two reductions",
              "sequences of 2048 tokens per device and step", "efficiency against one node (%)", curves + marks, (0, 102),
              per_device, range(0, 101, 20))
    return table(["sequences per device and step"] + [name for name, _, _ in curves], rows)


def study_512():
    block, limits, curves = overview()
    lines = [(title, curves[(0, title)], False) for title, _ in SYSTEMS]
    marks = [("94 %", [(1, 94), (512, 94)], True), ("78 %", [(1, 78), (512, 78)], True)]
    line_plot(HERE / "transformer-to-512-nodes.svg", "GPT 1.3B, data parallel, weak scaling", "nodes of eight devices",
              "efficiency against one node (%)", lines + marks, (0, 102), NODES, range(0, 101, 20))
    write_blocks(HERE / "transformer-to-512-nodes.md",
                 {"overview": block, "limits": limits, "sensitivity": sensitivity(), "accumulation": accumulation()})


def study_megatron():
    file = ROOT / "tests/validation/measured/training/megatron_lm_sc21_table1_a100.json"
    runs = json.loads(file.read_text())["runs"]
    predicted = {r["id"]: r for r in run("validate", str(file), "--json")["runs"]}
    rows, measured_line, predicted_line = [], [], []
    first = None
    for r in runs:
        p = predicted[r["id"]]
        shown = subprocess.run([ORRERY, "validate", str(file), "--show", r["id"]], capture_output=True, text=True, check=True)
        scenario = HERE / ".shown.json"
        scenario.write_text(shown.stdout)
        m = run("run", str(scenario), "--json")["metrics"]
        scenario.unlink()
        measured = r["measured"]["hardware_tflops_per_device"]
        mine = measured * p["measured"] / p["predicted"]  # the same FLOPs in another time
        first = first or (measured, mine)
        plan, share = r["parallelism"], lambda key: percent(m[key] / m["iteration_s"])
        rows.append([r["model"]["name"], f"{r['devices']}", f"{plan['tensor']} x {plan['pipeline']} x {plan['data']}",
                     f"{p['measured']:.2f}", f"{p['predicted']:.2f}", f"{100 * p['error']:+.1f} %", f"{measured}", f"{mine:.0f}",
                     percent(measured / first[0], 0), percent(mine / first[1], 0), share("compute_s"), share("exposed_communication_s"),
                     percent((m["bubble_s"] + m["other_s"]) / m["iteration_s"])])
        measured_line.append((r["devices"], measured))
        predicted_line.append((r["devices"], mine))
    line_plot(HERE / "megatron-weak-scaling.svg", "Megatron-LM weak scaling, 1.7B on 32 to 1T on 3072 A100", "A100 GPUs",
              "TFLOP/s per GPU (recomputation counted)", [("measured (SC21, table 1)", measured_line, False),
                                                         ("predicted", predicted_line, False)],
              (0, 180), [32, 64, 128, 256, 512, 1024, 2048, 3072], range(0, 181, 20))
    write_blocks(HERE / "megatron-weak-scaling.md", {"table": table(
        ["model", "GPUs", "tensor x pipeline x data", "measured s", "predicted s", "error", "measured TFLOP/s", "predicted TFLOP/s",
         "measured / first", "predicted / first", "compute", "exposed", "bubble and other"], rows)})


if __name__ == "__main__":
    study_megatron()
    study_512()
