"""Line plots as SVG for the studies: a few series over a logarithmic x axis, linear y from a given range."""
import html
import math

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
INK, SOFT, GRID = "#23272F", "#5B616B", "#E6E8EC"


def line_plot(path, title, x_label, y_label, series, y_range, x_ticks, y_ticks, width=790, height=420):
    """series: [(name, [(x, y)], dashed)]; points outside the range are not drawn."""
    left, right, top, bottom = 70, width - 250, 56, height - 56
    lo, hi = math.log(min(x_ticks)), math.log(max(x_ticks))
    px = lambda x: left + 12 + (right - left - 24) * (math.log(x) - lo) / (hi - lo)
    py = lambda y: bottom - (bottom - top) * (y - y_range[0]) / (y_range[1] - y_range[0])
    text = lambda x, y, anchor, s, more="": (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(s)}</text>')
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           f'font-family="system-ui, Arial, \'DejaVu Sans\', sans-serif" font-size="12" fill="{INK}">',
           f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>',
           text(left, 28, "start", title, ' font-size="16" font-weight="600"')]
    for x in x_ticks:
        out.append(f'<line x1="{px(x):.1f}" y1="{top}" x2="{px(x):.1f}" y2="{bottom}" stroke="{GRID}"/>')
        out.append(text(px(x), bottom + 18, "middle", f"{x:g}"))
    for y in y_ticks:
        out.append(f'<line x1="{left}" y1="{py(y):.1f}" x2="{right}" y2="{py(y):.1f}" stroke="{GRID}"/>')
        out.append(text(left - 8, py(y) + 4, "end", f"{y:g}"))
    out.append(text((left + right) / 2, height - 14, "middle", x_label, f' font-size="13" fill="{SOFT}"'))
    out.append(text(18, (top + bottom) / 2, "middle", y_label,
                    f' font-size="13" fill="{SOFT}" transform="rotate(-90 18 {(top + bottom) / 2:.1f})"'))
    colour = 0
    for row, (name, points, dashed) in enumerate(series):
        stroke = "#8A8F98" if dashed else COLOURS[colour % len(COLOURS)]
        colour += not dashed
        shown = [(px(x), py(y)) for x, y in points if y_range[0] <= y <= y_range[1]]
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        out.append(f'<polyline fill="none" stroke="{stroke}" stroke-width="2"{dash} points="'
                   + " ".join(f"{x:.1f},{y:.1f}" for x, y in shown) + '"/>')
        if not dashed:
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{stroke}" stroke="#FFFFFF"/>' for x, y in shown]
        y = top + 10 + 20 * row
        out.append(f'<line x1="{right + 14}" y1="{y}" x2="{right + 36}" y2="{y}" stroke="{stroke}" stroke-width="2"{dash}/>')
        out.append(text(right + 42, y + 4, "start", name))
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")
