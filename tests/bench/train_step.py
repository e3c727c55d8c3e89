"""Side by side with PyTorch: 50 steps of stage `adapter`, gradients of the first of them, and seconds a step.

    cargo build --release -p slm-tests --example adapter_steps
    python tests/bench/train_step.py target/release/examples/adapter_steps [--write] [--turns 3]

In the repository, with the packages of tests/fixtures/requirements.txt. The stages are those of tests/fixtures/train_steps: a T5 and a
decoder-only language model, each as it is and with a LoRA. The adapter is written here in modules of PyTorch and
transformers and starts from weights that PyTorch draws; so do the thin matrices, by PEFT's formula. What each step reads
(reduced encoder states, ids of prompts and answers) is what `adapter_steps` writes down, which then takes the same steps by
the loop of `slm-train`. Compared are the losses of all steps and the gradients of the first, both to 1e-3.

`--write` writes start and expectations into tests/fixtures/train_steps, where `tests/tests/train_steps.rs` finds them.
`--turns N` measures seconds a step on larger language models of random weights, in turns.
"""

import argparse
import json
import math
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
import tomllib

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, LlamaConfig, LlamaForCausalLM
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/fixtures/train_steps"
BOUND = 1e-3
EPSILON = 1e-6
PREFIX = "base_model.model."


class Adapter(nn.Module):
    """The adapter of the paper: a projection, T5's encoder layers, a projection and a norm."""

    def __init__(self, shape, width, llm_width, loudness):
        super().__init__()
        hidden, heads = shape["hidden_size"], shape["num_heads"]
        config = T5Config(
            vocab_size=1, d_model=hidden, d_kv=hidden // heads, d_ff=shape["intermediate_size"],
            num_layers=shape["num_layers"], num_heads=heads, dropout_rate=0.0, layer_norm_epsilon=EPSILON,
            feed_forward_proj="gated-gelu", is_decoder=False, use_cache=False,
        )
        self.input = nn.Linear(width, hidden)
        self.layers = T5Stack(config)
        self.layers.set_input_embeddings(None)
        self.output = nn.Linear(hidden, llm_width)
        self.norm = nn.RMSNorm(llm_width, eps=EPSILON)
        with torch.no_grad():
            self.norm.weight.fill_(loudness)
            for name, parameter in self.layers.named_parameters():
                if parameter.dim() == 2:
                    parameter.normal_(0, hidden**-0.5)

    def forward(self, x, mask):
        hidden = self.layers(inputs_embeds=self.input(x), attention_mask=mask).last_hidden_state
        return self.norm(self.output(hidden))

    def names(self):
        """The names of our files for the parameters."""
        parts = {
            "layer.0.SelfAttention.relative_attention_bias": None,
            "layer.0.SelfAttention": "self_attention",
            "layer.0.layer_norm": "self_attention_norm",
            "layer.1.DenseReluDense.wi_0": "feed_forward.wi",
            "layer.1.DenseReluDense.wi_1": "feed_forward.gate",
            "layer.1.DenseReluDense.wo": "feed_forward.wo",
            "layer.1.layer_norm": "feed_forward_norm",
        }
        names = {}
        for name, parameter in self.named_parameters():
            ours = name
            if "relative_attention_bias" in name:
                ours = "layers.relative_bias.0.table.weight"
            elif name.startswith("layers.block."):
                _, _, block, rest = name.split(".", 3)
                for theirs, part in parts.items():
                    if part and rest.startswith(theirs):
                        ours = f"layers.blocks.{block}.{part}{rest[len(theirs):]}"
                        break
            names[ours] = parameter
        return names


class LowRank(nn.Module):
    """PEFT's `Linear`: the map's own output and `B A x` times a scale."""

    def __init__(self, base, rank, scale):
        super().__init__()
        self.base, self.scale = base, scale
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.empty(base.out_features, rank).normal_(0, 0.1))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    @property
    def weight(self):
        # T5 asks for the type of a map's weight.
        return self.base.weight

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.a), self.b) * self.scale


def add_lora(llm, settings):
    """Puts thin matrices beside the maps that the settings name, and gives them by the names of a file."""
    names = {}
    for path, module in list(llm.named_modules()):
        targets = [t for t in settings["target_modules"] if path == t or path.endswith("." + t)]
        if isinstance(module, nn.Linear) and targets:
            low = LowRank(module, settings["rank"], settings["alpha"] / settings["rank"])
            parent, _, child = path.rpartition(".")
            setattr(llm.get_submodule(parent) if parent else llm, child, low)
            names[f"{PREFIX}{path}.lora_A.weight"] = low.a
            names[f"{PREFIX}{path}.lora_B.weight"] = low.b
    return names


class Trainer:
    """The same stage in PyTorch."""

    def __init__(self, stage, seed):
        torch.manual_seed(seed)
        self.stage = stage
        folder = ROOT / stage["llm"]
        self.is_encoder_decoder = AutoConfig.from_pretrained(folder).is_encoder_decoder
        kind = AutoModelForSeq2SeqLM if self.is_encoder_decoder else AutoModelForCausalLM
        self.llm = kind.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)
        embedding = self.llm.get_input_embeddings().weight
        encoder = json.loads((ROOT / stage["encoder"] / "config.json").read_text())
        self.width = encoder.get("encoder_config", encoder)["hidden_size"]
        self.adapter = Adapter(stage["model"], self.width, embedding.shape[1], embedding.square().mean().sqrt())
        self.lora = add_lora(self.llm, stage["lora"]) if "lora" in stage else {}
        self.parameters = list(self.adapter.parameters()) + list(self.lora.values())
        train = stage["train"]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=1.0, betas=(0.9, 0.98), eps=1e-8, weight_decay=train["weight_decay"]
        )

    def rate(self, step):
        train = self.stage["train"]
        warmup = train["warmup_steps"]
        if step < warmup:
            return train["learning_rate"] * (step + 1) / warmup
        done = (step - warmup) / (train["steps"] - warmup)
        return train["learning_rate"] * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))

    def loss(self, step, speech):
        rows = speech.split(step["rows"])
        heard = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = nn.utils.rnn.pad_sequence([torch.ones(n, dtype=torch.long) for n in step["rows"]], batch_first=True)
        heard = self.adapter(heard, mask)
        embed = self.llm.get_input_embeddings()
        ids = lambda part: embed(torch.tensor(part, dtype=torch.long))
        read, labels = [], []
        for one, count, (before, after), target in zip(heard, step["rows"], step["prompts"], step["targets"]):
            row = torch.cat([ids(before), one[:count], ids(after)])
            if self.is_encoder_decoder:
                labels.append(torch.tensor(target))
            else:
                labels.append(torch.tensor([-100] * (len(row) - 1) + target))
                row = torch.cat([row, ids(target[:-1])])
            read.append(row)
        mask = nn.utils.rnn.pad_sequence([torch.ones(len(row), dtype=torch.long) for row in read], batch_first=True)
        read = nn.utils.rnn.pad_sequence(read, batch_first=True)
        labels = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
        if self.is_encoder_decoder:
            start = self.llm.config.decoder_start_token_id
            written = torch.cat([torch.full((len(labels), 1), start), labels[:, :-1].clamp(min=0)], 1)
            logits = self.llm(inputs_embeds=read, attention_mask=mask, decoder_input_ids=written).logits
        else:
            logits = self.llm(inputs_embeds=read, attention_mask=mask, use_cache=False).logits
        smoothing = self.stage.get("losses", {}).get("label_smoothing", 0.0)
        sums = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum", label_smoothing=smoothing)
        return sums / sum(map(len, step["targets"]))

    def step(self, number, step, speech):
        """Takes a step, and gives its loss and its gradients."""
        self.optimizer.zero_grad()
        loss = self.loss(step, speech)
        loss.backward()
        gradients = {name: p.grad.clone() for name, p in self.named().items()} if number == 0 else None
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.param_groups[0]["lr"] = self.rate(number)
        self.optimizer.step()
        return loss.item(), gradients

    def named(self):
        return self.adapter.names() | self.lora

    def save_start(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        config = self.stage["model"] | {"encoder_dim": self.width, "llm_dim": self.llm.get_input_embeddings().embedding_dim}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        tensors = lambda named: {name: p.detach().clone().contiguous() for name, p in named.items()}
        save_file(tensors(self.adapter.names()), folder / "model.safetensors", {"format": "pt"})
        if self.lora:
            lora = self.stage["lora"]
            config = {
                "peft_type": "LORA", "r": lora["rank"], "lora_alpha": lora["alpha"], "bias": "none",
                "target_modules": lora["target_modules"],
            }
            (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
            save_file(tensors(self.lora), folder / "adapter_model.safetensors", {"format": "pt"})


def ours(program, stage, start, out, cache, settings=()):
    """Lets `slm-train` take the steps, and gives what they read, their losses and when each was done."""
    command = [program, stage, start, out, f"cache={cache}", *settings]
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    steps = json.loads((out / "steps.json").read_text())
    speech = load_file(out / "speech.safetensors")
    lines = [json.loads(line) for line in (out / "run/metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "loss" in line]
    return steps, [speech[str(n)] for n in range(len(steps))], lines


def compare(program, path, write):
    stage = tomllib.loads(path.read_text())
    trainer = Trainer(stage, 7)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        trainer.save_start(work / "start")
        steps, speech, lines = ours(program, path, work / "start", work / "out", work / "cache")
        found = load_file(work / "out/gradient/model.safetensors")
        if trainer.lora:
            found |= load_file(work / "out/gradient/adapter_model.safetensors")
        losses, first = [], None
        for number, (step, heard) in enumerate(zip(steps, speech)):
            loss, gradients = trainer.step(number, step, heard)
            first = first or gradients
            losses.append(loss)
            print(f"{path.stem} {number + 1:3} {lines[number]['loss']:.6f} {loss:.6f}")
        worst_loss = max(abs(line["loss"] - loss) / loss for line, loss in zip(lines, losses))
        assert found.keys() == first.keys(), found.keys() ^ first.keys()
        off = lambda name: (found[name] - first[name]).abs().max().item() / first[name].abs().max().item()
        worst = max(first, key=off)
        print(f"{path.stem}: losses to {worst_loss:.1e}, gradients to {off(worst):.1e} (`{worst}`)")
        assert worst_loss < BOUND and off(worst) < BOUND
        if write:
            folder = CASES / path.stem
            shutil.copytree(work / "start", folder, dirs_exist_ok=True)
            expected = {f"gradient.{name}": gradient.contiguous() for name, gradient in first.items()}
            save_file(expected | {"losses": torch.tensor(losses)}, folder / "expect.safetensors")


def small_t5():
    """Writes the T5 of the cases: of random weights, as small steps in a trained one grow f32's rounding to whole percents,
    in PyTorch against its own f64 too (the reference model's: 1e-1 within 50 steps)."""
    torch.manual_seed(11)
    config = T5Config(
        vocab_size=288, d_model=24, d_kv=6, d_ff=32, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False, decoder_start_token_id=0, pad_token_id=0, eos_token_id=3,
    )
    T5ForConditionalGeneration(config).save_pretrained(CASES / "llm")
    shutil.copy(ROOT / "tests/fixtures/conversation/tokenizer.json", CASES / "llm")


def large(work, name):
    """Writes a larger language model of random weights and a stage for it."""
    source = tomllib.loads((CASES / f"{name}.toml").read_text())
    llm = work / f"{name}-llm"
    torch.manual_seed(1)
    if name == "t5":
        config = T5Config(
            vocab_size=32128, d_model=512, d_kv=64, d_ff=1024, num_layers=4, num_decoder_layers=4, num_heads=8,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
        )
        model = T5ForConditionalGeneration(config)
    else:
        # As SmolLM2-135M, with 4 of its 30 layers.
        config = LlamaConfig(
            vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=4, num_attention_heads=9,
            num_key_value_heads=3, tie_word_embeddings=True, bos_token_id=0, eos_token_id=[3, 0], pad_token_id=0,
        )
        model = LlamaForCausalLM(config)
    model.save_pretrained(llm)
    for file in ["tokenizer.json", "tokenizer_config.json"]:
        if (ROOT / source["llm"] / file).exists():
            shutil.copy(ROOT / source["llm"] / file, llm)
    stage = work / f"{name}.toml"
    text = (CASES / f"{name}.toml").read_text()
    for old, new in [
        (f'"{source["llm"]}"', json.dumps(str(llm))),
        ("hidden_size = 32", "hidden_size = 512"),
        ("num_layers = 1", "num_layers = 2"),
        ("num_heads = 2", "num_heads = 8"),
        ("intermediate_size = 48", "intermediate_size = 1024"),
        ("batch_tokens = 500", "batch_tokens = 1000"),
        ("steps = 50", "steps = 8"),
        ("learning_rate = 3e-3", "learning_rate = 1e-4"),
        ("warmup_steps = 5", "warmup_steps = 2"),
    ]:
        assert old in text, old
        text = text.replace(old, new)
    stage.write_text(text)
    return stage


def time_steps(program, name, turns):
    """Wall seconds a step in turns, and processor seconds, which say the same on a machine that has other work: run with
    RAYON_NUM_THREADS=1 and OMP_NUM_THREADS=1 for these, as threads that wait count too."""

    def used(who):
        usage = resource.getrusage(who)
        return usage.ru_utime + usage.ru_stime

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        stage = large(work, name)
        settings = tomllib.loads(stage.read_text())
        count = settings["train"]["steps"]
        Trainer(settings, 7).save_start(work / "start")
        wall, processor = {"slm-train": [], "PyTorch": []}, {"slm-train": [], "PyTorch": []}
        for turn in range(turns):
            work_of = []
            for steps_made in (2, count):
                before = used(resource.RUSAGE_CHILDREN)
                out = work / f"out-{turn}-{steps_made}"
                made = ours(program, stage, work / "start", out, work / "cache", [f"train.steps={steps_made}"])
                work_of.append(used(resource.RUSAGE_CHILDREN) - before)
            steps, speech, lines = made
            # What both runs do beside their steps takes the same time.
            processor["slm-train"].append((work_of[1] - work_of[0]) / (count - 2))
            done = [line["seconds"] for line in lines]
            # The first one warms up.
            wall["slm-train"] += [after - before for before, after in zip(done, done[1:])]
            again = Trainer(settings, 7)
            for number, (step, heard) in enumerate(zip(steps, speech)):
                began, before = time.perf_counter(), used(resource.RUSAGE_SELF)
                loss, _ = again.step(number, step, heard)
                if number > 1:
                    wall["PyTorch"].append(time.perf_counter() - began)
                    processor["PyTorch"].append(used(resource.RUSAGE_SELF) - before)
                assert abs(loss - lines[number]["loss"]) < BOUND * loss, (number, loss, lines[number])
        for who in wall:
            seconds, work_of = statistics.median(wall[who]), statistics.mean(processor[who])
            print(f"{name}, {who}: {seconds:.2f} s a step (median), {work_of:.2f} s of the processor (mean)", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--only", help="one of the cases, or `none`")
    args = parser.parse_args()
    if args.write and not args.only:
        small_t5()
    for path in sorted(CASES.glob("*.toml")):
        if path.stem != "tasks" and args.only in (None, path.stem):
            compare(args.program.resolve(), path, args.write)
    if args.turns:
        for name in ["decoder", "t5"]:
            time_steps(args.program.resolve(), name, args.turns)


if __name__ == "__main__":
    main()
