"""Low-rank adapters (LoRA, Hu et al. 2021) and the precision of a run.

Only the adapters (and, of a reward model, the score head) learn, so with the adapters off the same weights
are the frozen starting model: no second copy of it is needed.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import Tensor

from training.engine.failures import EngineFailure, InputUnreadable

# What a processor that computes in bfloat16 calls this ability: x86 twice, then ARM. Others only emulate it.
CPU_ABILITIES = ("amx_bf16", "avx512_bf16", "bf16")


class WeightsDiffer(EngineFailure):
    """A checkpoint holds other weights than the model trains."""

    def __init__(self, names: set[str]) -> None:
        super().__init__(
            reason=f"The checkpoint does not fit this model: {', '.join(sorted(names)[:3])} differ.",
            hint="Start a new run: the settings or the model changed since the checkpoint was written.",
        )


def with_adapter(
    model: Any, *, rank: int, seed: int | None = None, dtype: torch.dtype = torch.float32
) -> PeftModel:
    """Freeze the model and put an adapter on every linear layer but the head; the head of a reward model is
    trained whole, beside its frozen original.

    The adapter starts as nothing (B = 0): the model answers as before. A is drawn from torch's global
    generator, or from `seed`. The frozen weights are kept in `dtype`, what learns always in float32.
    """
    scores = hasattr(model, "score")
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type=TaskType.SEQ_CLS if scores else TaskType.CAUSAL_LM,
        modules_to_save=["score"] if scores else None,
    )
    with torch.random.fork_rng(enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        adapted = get_peft_model(model, settings)
    for name, weight in adapted.named_parameters():
        # The frozen head judges in PPO, and scores must not be rounded.
        if not weight.requires_grad and ".original_module." not in name:
            # Not model.to(dtype): that would round the frequencies of the position embedding too.
            weight.data = weight.data.to(dtype)
    return adapted


class AdapterOff:
    """The model as it was before its adapter: the frozen reference of a policy that learns by LoRA."""

    def __init__(self, model: PeftModel) -> None:
        self._model = model
        self.config = model.config

    def eval(self) -> "AdapterOff":
        """As a model's: nothing here behaves otherwise in training, for the adapters have no dropout."""
        return self

    @torch.no_grad()
    def __call__(self, **inputs: Any) -> Any:
        with self._model.disable_adapter():
            return self._model(**inputs)


def trunk(model: Any) -> Any:
    """The transformer without its head; adapters stay active."""
    plain = model.get_base_model() if isinstance(model, PeftModel) else model
    return plain.base_model


def trainable_state(model: Any) -> dict[str, Tensor]:
    """What a checkpoint must hold: adapters and trained head, or all weights of a model without adapters."""
    if not isinstance(model, PeftModel):
        return dict(model.state_dict())
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def load_trainable_state(model: Any, state: Mapping[str, Tensor]) -> None:
    """Put back what `trainable_state` gave; raises WeightsDiffer unless the names are exactly the same."""
    expected = trainable_state(model)
    if differing := expected.keys() ^ state.keys():
        raise WeightsDiffer(differing)
    for name, weight in expected.items():
        if weight.shape != state[name].shape:
            raise WeightsDiffer({name})
        weight.copy_(state[name])


def merged(model: Any) -> Any:
    """A plain model in float32 with the adapters folded in, ready for `save_model`; it uses up `model`.

    In bfloat16 the sum would lose most of the adapter: it is far smaller than the weights it is added to.
    """
    if not isinstance(model, PeftModel):
        return model
    for weight in model.parameters():
        weight.data = weight.data.float()
    return model.merge_and_unload(safe_merge=True)


def precision_of(config: Any, device: torch.device) -> torch.dtype:
    """The precision that the settings name; raises InputUnreadable where the device does not have it."""
    if config.precision == "float32":
        return torch.float32
    if not computes_in_bfloat16(device):
        kind = "GPU" if device.type == "cuda" else "processor"
        raise InputUnreadable(
            reason=f"The run asks for bfloat16, and this {kind} does not compute in it.",
            hint="Choose the precision float32.",
        )
    return torch.bfloat16


def computes_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    abilities = torch.cpu.get_capabilities()
    return any(abilities.get(name, False) for name in CPU_ABILITIES)


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[Any]:
    """A context for forward passes in `dtype`: matrices in bfloat16, sums and what learns in float32."""
    if dtype == torch.float32:
        return nullcontext()
    # Rounded copies of the weights are reused in inference only: in training a copy would outlive the step
    # that changed its weights.
    return torch.autocast(device.type, dtype=dtype, cache_enabled=not torch.is_grad_enabled())
