"""What the loop reached, as one table for a person and one document for a program."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "demo.json"
NOTE = "Simulated: no person wrote or judged this. The models learned the form of these answers, not facts."

Document = dict[str, Any]


def policy_part(figures: Mapping[str, Any], reward: Mapping[str, Any]) -> Document:
    return {
        "reward_before": reward.get("heldout_reward_before"),
        "reward_after": reward.get("heldout_reward_after"),
        "true_before": figures["true_score_before"],
        "true_after": figures["true_score_after"],
        "true_gain": figures["true_gain"],
        "true_gain_se": figures["true_gain_se"],
        "kl_per_sequence": figures["kl_sequence"],
        "distinct_share": figures["distinct_after"],
        "form_before": figures["form_before"],
        "form_after": figures["form_after"],
        "length_ratio": figures["length_ratio"],
        "heldout_prompts": figures["heldout_prompts"],
    }


def reward_part(figures: Mapping[str, Any]) -> Document:
    return {
        "heldout_accuracy": figures["reward_accuracy"],
        "heldout_accuracy_se": figures["reward_accuracy_se"],
        "true_accuracy": figures["reward_true_accuracy"],
        "se": figures["reward_true_accuracy_se"],
        "labels_true_accuracy": figures["labels_true_accuracy"],
        "heldout_pairs": figures["reward_pairs"],
    }


def write(path: Path, document: Document) -> None:
    """Whole or not at all: a reader never sees half a document."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def table(document: Mapping[str, Any]) -> str:
    data, agreement, reward, ppo = (document[name] for name in ("data", "agreement", "reward_model", "ppo"))
    rows = [
        ("1 collected documents", f"{data['collected']}"),
        ("2 kept after cleaning", f"{data['kept']} (removed {data['removed']}: {_counts(data['reasons'])})"),
        ("3 answers written, ranked", f"{data['written']}, {data['ranked']}"),
        ("4 pretrained, held-out loss", _change(document["pretrain"], "heldout_loss")),
        ("5 fine-tuned, held-out loss", _change(document["sft"], "heldout_loss")),
        ("7 agreement, all work", _interval(agreement["all"])),
        ("7 agreement, accepted work", _interval(agreement["accepted"])),
        ("7 gold", _gold(document["gold"])),
        ("7 rejected by the reviewer", ", ".join(document["rejected"]) or "nobody"),
        ("8 released pairs", f"{data['pairs']}"),
        ("6 reward model, held-out pairs", _pm(reward["heldout_accuracy"], reward["heldout_accuracy_se"])),
        ("6 reward model, true order", _pm(reward["true_accuracy"], reward["se"])),
        ("6 PPO, true score", f"{ppo['true_before']:.2f} -> {ppo['true_after']:.2f}"),
        ("6 PPO, true gain (paired)", _pm(ppo["true_gain"], ppo["true_gain_se"])),
        ("6 PPO, KL per answer, nats", f"{ppo['kl_per_sequence']:.2f}"),
        ("6 PPO, complete answers", f"{ppo['form_before']:.2f} -> {ppo['form_after']:.2f}"),
        ("6 PPO, distinct, length ratio", f"{ppo['distinct_share']:.2f}, {ppo['length_ratio']:.2f}"),
        ("9 served, thumbs up and down", _heard(document["production"])),
        ("10 back to the annotators", _back(document["production"])),
        ("10 ancestors of the last model", _counts(document["lineage"])),
    ]
    lines = [f"  {name:<34}{value}" for name, value in rows]
    return "\n".join(["The whole loop, simulated", *lines, NOTE])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _change(metrics: Mapping[str, Any], name: str) -> str:
    return f"{metrics[f'{name}_before']:.2f} -> {metrics[name]:.2f}"


def _interval(found: Mapping[str, float | None]) -> str:
    if found["alpha"] is None:
        return "undefined"
    return f"alpha {found['alpha']:.2f} (95 % from {found['low']:.2f} to {found['high']:.2f})"


def _pm(value: float | None, error: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.3f}" + (f" ± {error:.3f}" if error is not None else "")


def _gold(accuracy: Mapping[str, float]) -> str:
    ordered = sorted(accuracy.items(), key=lambda row: row[1])
    if not ordered:
        return "none"
    (worst, lowest), rest = ordered[0], ordered[1:]
    others = f", all others at least {rest[0][1]:.2f}" if rest else ""
    return f"{worst} {lowest:.2f}{others}"


def _heard(production: Mapping[str, Any]) -> str:
    return f"{production['outputs']}, {production['thumbs_up']} up, {production['thumbs_down']} down"


def _back(production: Mapping[str, Any]) -> str:
    return f"{production['tasks']} tasks ({_counts(production['reasons'])})"
