"""An explanation as plain text, at most 100 columns wide, that survives a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from asdbench.explain.clip_text import clip_blocks, condition_blocks
from asdbench.explain.histogram_text import histogram_lines, quantile_rows
from asdbench.explain.lines import WIDTH, heading, page, table
from asdbench.explain.model import ArmLine, Explanation, Headline
from asdbench.explain.provenance_text import audit_lines, provenance_lines
from asdbench.report.text import number, with_interval


def render(found: Explanation, plain: bool = False) -> str:
    """Return the whole page.

    Parameters
    ----------
    found
        What there is to say.
    plain
        Whether to draw with ASCII only.
    """
    blocks = [
        [f"{found.place}{' (simulated data)' if found.provenance.simulated else ''}"],
        [] if found.status == "ok" else [f"{found.status}: {found.reason}"],
        [f"warning: {text}" for text in found.warnings],
        *_arms(found),
        *_scores(found, plain),
        *clip_blocks(found),
        *condition_blocks(found),
        [heading("Audits"), *audit_lines(found.audits)],
        [heading("Provenance"), *provenance_lines(found.provenance)],
        _others(found),
        [heading("Not shown"), *found.missing] if found.missing else [],
    ]
    return page(blocks)


def _arms(found: Explanation) -> Iterator[list[str]]:
    rows = [_arm_row(line) for line in found.arms]
    headers = ["arm", "clips", "AUC", "n", "AUC less real"]
    lines = [heading(f"AUCs side by side, with {found.confidence:.0%} intervals")]
    lines += table(rows, headers, 2)
    reasons: dict[str, list[str]] = {}
    for line in found.arms:
        if line.value.reason is not None:
            reasons.setdefault(line.value.reason, []).append(line.arm)
        elif line.value.note is not None:
            reasons.setdefault(line.value.note, []).append(line.arm)
    lines += [f"- {', '.join(arms)}: {reason}" for reason, arms in reasons.items()]
    lines.append(
        "pAUC (real normals): real "
        f"{number(found.pauc.real)}, generated {number(found.pauc.generated)}"
    )
    yield lines
    if found.headline is not None:
        yield _verdict(found.headline)
    if found.pools_domains:
        yield [
            "Domain all: the clips of all domains enter one AUC. The rows of the machine average "
            "the AUCs of the domains: their interval and verdict may be others."
        ]
    said = []
    if found.ladder is not None:
        said.append(f"The paper's gap: {found.ladder.sentence}")
    if found.artifact is not None and found.artifact.sentence not in "".join(said):
        said.insert(0, f"Artifact arm: {found.artifact.sentence}")
    if found.component is not None:
        said.append(f"Uncertainty: {found.component.sentence}")
    if said:
        yield said


def _arm_row(line: ArmLine) -> list[str]:
    short = {"generated": "gen."}
    sides = [
        side.replace("generated", short["generated"]) for side in (line.negative, line.positive)
    ]
    value = line.value
    gap = (
        ""
        if line.gap is None
        else with_interval(line.gap.value, line.gap.low, line.gap.high, signed=True)
    )
    sizes = f"{value.n_negative}/{value.n_positive}" if value.auc is not None else "-"
    return [
        line.arm,
        " : ".join(sides),
        with_interval(value.auc, value.auc_low, value.auc_high),
        sizes,
        "" if gap == "-" else gap,
    ]


def _verdict(headline: Headline) -> list[str]:
    shown = with_interval(headline.value, headline.low, headline.high, signed=True)
    row = headline.verdict
    if headline.value is None:
        return [f"Headline gap ({headline.gap}): none; {headline.reason}"]
    if row is None:
        return [f"Headline gap ({headline.gap}): {shown}"]
    lines = [
        f"Headline gap ({headline.gap}): {shown}, margin {row.margin:g}: "
        f"{(row.verdict or 'no verdict').upper()}"
    ]
    facts = []
    if row.certifiable is not None:
        facts.append(f"a perfect generator would be certified within {number(row.certifiable)}")
    if row.noise_floor is not None:
        facts.append(f"noise floor {number(row.noise_floor)} (halves of the real anomalies)")
    if row.p_permutation is not None:
        facts.append(f"p by permutation {row.p_permutation:.2g}")
    lines.append("; ".join(facts))
    lines += [text for text in (row.note, row.reason) if text]
    return [line for line in lines if line]


def _scores(found: Explanation, plain: bool) -> Iterator[list[str]]:
    spread = found.distributions
    if spread is None:
        return
    fits = f", means over {found.provenance.repeats} fits" if found.provenance.repeats > 1 else ""
    makers = found.provenance.seeds.get("generator_repeats", 1)
    fits += f", clips of {makers} fits of the generator" if makers > 1 else ""
    yield [
        heading(f"Scores{fits}: share of each pool's clips, in %"),
        *histogram_lines(spread, WIDTH, plain),
    ]
    rows, headers = quantile_rows(spread)
    lines = table(rows, headers)
    for distance in spread.distances:
        moved = "-" if distance.wasserstein is None else f"{distance.wasserstein:.2f}"
        lines.append(
            f"- generated from real {distance.label}: Kolmogorov-Smirnov {distance.ks:.2f} "
            f"(p {distance.ks_p:.2g}), Wasserstein {moved} sd of the real normals"
        )
    yield lines


def _others(found: Explanation) -> list[str]:
    if not found.others:
        return []
    return [heading("The same cell by other grids"), *(str(place) for place in found.others)]
