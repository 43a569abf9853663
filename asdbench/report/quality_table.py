"""The audio of generated clips, as Markdown."""

from __future__ import annotations

from asdbench.report.schema import Report
from asdbench.report.text import escaped, notes, number, table


def quality_blocks(report: Report) -> list[str]:
    """Return the section on audio quality; nothing where none was measured."""
    if not report.quality:
        return []
    embeddings = {f"{r.embedding} ({r.digest[:8]})" for r in report.quality if r.digest}
    caption = (
        f"Generated or coded clips against the real test clips of the same label, by "
        f"{', '.join(sorted(embeddings)) or 'no embedding'}; not comparable with values of other "
        "embeddings. FAD: of all these clips; FAD at n: of n generated clips and half of the real "
        "ones; floor: of the two halves of the real clips. KAD: unbiased, 0 for equal "
        "distributions; p: of equal distributions. Copies: share of generated clips nearer to a "
        "training clip of the generator than 99 % of the real test clips are, by log-mel "
        "correlation and by embedding; chance: the same where nothing is copied. Near: median "
        "correlation with the nearest training clip, generated and real."
    )
    rows = [
        [
            r.grid,
            escaped(r.machine),
            r.label,
            f"{r.real_clips}/{r.generated_clips}/{r.train_clips}",
            number(r.fad),
            str(r.floor_clips or "-"),
            number(r.fad_matched),
            number(r.fad_floor),
            number(r.kad),
            number(r.kad_p),
            number(r.copied_share),
            number(r.copied_share_embedding),
            number(r.copied_share_expected),
            number(r.nearness),
            number(r.nearness_real),
        ]
        for r in sorted(report.quality, key=lambda r: r.machine)
    ]
    headers = ["grid", "machine", "label", "n real/gen./train", "FAD", "n", "FAD at n", "floor"]
    headers += ["KAD", "p", "copies", "emb.", "chance", "near gen.", "real"]
    found = [
        (text, f"{r.grid} {r.machine}")
        for r in report.quality
        for text in r.notes
        if not text.startswith("FAD-infinity")  # which is not shown here
    ]
    found += [("possible copies of training clips", s) for r in report.quality for s in r.suspects]
    return ["## Audio", caption, table(rows, headers, 3), *notes(found, "tables/quality.csv")]
