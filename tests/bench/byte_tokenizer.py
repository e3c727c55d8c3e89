"""A tokenizer for models of random weights: bytes, and fillers up to the size of the vocabulary."""

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors


def byte_tokenizer(size, special, end=None):
    """A tokenizer of `size` tokens, with those of `special` at their ids; `end` is one that follows every text."""
    bytes_and_fillers = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_and_fillers += [f"<filler{i}>" for i in range(len(bytes_and_fillers), size)]
    rest = iter(bytes_and_fillers)
    places = {place: token for token, place in special.items()}
    tokens = [places[i] if i in places else next(rest) for i in range(size)]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    for token, place in special.items():
        assert tokenizer.token_to_id(token) == place
    if end is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"$A {end}", special_tokens=[(end, special[end])]
        )
    return tokenizer
