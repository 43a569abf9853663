"""The audits of the generators as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from asdbench.report.audit_schema import FidelityRow, MemorizationRow, SeenRow
from asdbench.report.schema import Report
from asdbench.report.text import escaped, made_by, notes, number, table, with_interval


def audit_blocks(report: Report) -> list[str]:
    """Return the section on leakage, copies, fidelity and seen conditions; nothing without any."""
    blocks = [
        *_leakage(report),
        *_memorization(report),
        *_fidelity(report),
        *_seen(report),
    ]
    return ["## Audits", *blocks] if blocks else []


def _leakage(report: Report) -> list[str]:
    if not report.leakage:
        return []
    lines = []
    for row in report.leakage:
        named = escaped(", ".join(row.clips))
        more = (
            f" and {row.n_overlap - len(row.clips)} more" if row.n_overlap > len(row.clips) else ""
        )
        clips = f" Clips: {named}{more}." if row.clips else ""
        lines.append(f"- **leakage: {row.status}**. {escaped(row.sentence)}{clips}")
    return [
        "### Leakage",
        "Did a generator learn from clips that it is evaluated on?",
        "\n".join(lines),
    ]


def _memorization(report: Report) -> list[str]:
    if not report.memorization:
        return []
    caption = (
        "Are generated clips copies of training clips? Copies: clips nearer to a training clip of "
        "the generator than 99 % of the held-out real clips are, by log-mel correlation. A grid's "
        "machines are tested together at 1 %: **copied** means more copies than chance explains."
    )
    by_grid: dict[tuple[str, str], list[MemorizationRow]] = {}
    for row in report.memorization:
        by_grid.setdefault((row.generator, row.grid), []).append(row)
    lines = []
    for (generator, grid), rows in by_grid.items():
        parts = []
        for finding in ("copied", "not copied", "not measured"):
            own = [row for row in rows if row.finding == finding]
            if own:
                parts.append(f"**{finding}**: {', '.join(map(_copies, own))}")
        lines.append(f"- {escaped(generator)}, grid {escaped(grid)}: {'; '.join(parts)}")
    return ["### Copies", caption, "\n".join(lines)]


def _copies(row: MemorizationRow) -> str:
    if row.share is None:
        return escaped(row.machine)
    return f"{escaped(row.machine)} {round(row.share * row.n)} of {row.n}"


def _fidelity(report: Report) -> list[str]:
    measured = [row for row in report.fidelity if row.finding != "not measured"]
    if not report.fidelity:
        return []
    caption = (
        "Do generated clips have the attribute that was asked for? A classifier that learned from "
        "real clips is asked about generated ones. acc.: its balanced accuracy on them; ceiling: "
        "on real clips held out of its training; chance: of a guess. p (chance): of that accuracy "
        "if clips had nothing to do with what was asked for; p (ceiling): of one as low if they "
        "were as clear as real ones. **kept**: above chance and not below the ceiling; **weak**: "
        "above chance, below the ceiling; **ignored**: below the ceiling, not above chance."
    )
    rows = [
        [
            escaped(r.grid),
            escaped(r.machine),
            escaped(r.section),
            escaped(r.attribute),
            f"**{r.finding}**",
            f"{r.n_real}/{r.n_generated}",
            number(r.accuracy),
            number(r.ceiling),
            number(r.chance),
            _p(r.p_chance),
            _p(r.p_ceiling),
        ]
        for r in sorted(measured, key=_place)
    ]
    headers = ["grid", "machine", "section", "attribute", "finding", "n real/gen."]
    headers += ["acc.", "ceiling", "chance", "p (chance)", "p (ceiling)"]
    others = [
        (f"fidelity not measured, {r.reason}", f"{r.grid} {r.machine}/{r.section} {r.attribute}")
        for r in sorted(report.fidelity, key=_place)
        if r.finding == "not measured"
    ]
    shown = [table(rows, headers, 5)] if rows else []
    return ["### Fidelity to conditions", caption, *shown, *_listed(others, "tables/fidelity.csv")]


def _p(value: float | None) -> str:
    return "<0.001" if value is not None and value < 0.001 else number(value)


def _place(row: FidelityRow) -> tuple[str, str, str]:
    return row.machine, row.section, row.attribute


def _listed(found: Iterable[tuple[str | None, str]], file: str) -> list[str]:
    """Return remarks without a heading of their own."""
    return notes(found, file)[1:]


def _seen(report: Report) -> list[str]:
    if not report.seen:
        return []
    caption = (
        "Gaps over the conditions of whose anomalies the generator learned (seen: yes), and over "
        "the others, by the headline protocol: means over sections, AUC of all clips of a section."
    )
    divided = {(r.detector, r.grid) for r in report.seen if not r.seen}
    whole = dict.fromkeys(
        (r.generator, r.grid, r.n_conditions)
        for r in report.seen
        if r.machine is None and (r.detector, r.grid) not in divided
    )
    lines = [
        f"- {escaped(generator)}, grid {escaped(grid)}: it learned from anomalies of all {count} "
        "conditions"
        for generator, grid, count in whole
    ]
    rows = [
        [
            "**all**" if r.machine is None else escaped(r.machine),
            r.detector,
            made_by(r, report),
            "yes" if r.seen else "no",
            f"{r.n_conditions}",
            f"{r.n_real}/{r.n_generated}",
            number(r.auc_real),
            number(r.auc_generated),
            with_interval(r.gap, r.low, r.high, signed=True),
        ]
        for r in sorted(report.seen, key=lambda r: (r.machine is None, r.machine or ""))
        if (r.detector, r.grid) in divided
    ]
    headers = ["machine", "detector", "generator", "seen", "conditions", "n real/gen."]
    headers += ["AUC real", "AUC gen.", "gap"]
    found = [(r.reason, _where(r, report)) for r in report.seen]
    return [
        "### Seen and unseen conditions",
        caption,
        *(["\n".join(lines)] if lines else []),
        *([table(rows, headers, 4)] if rows else []),
        *_listed(found, "tables/seen.csv"),
    ]


def _where(row: SeenRow, report: Report) -> str:
    return "/".join([row.machine or "all machines", row.detector, made_by(row, report)])
