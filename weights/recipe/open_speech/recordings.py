"""A manifest of recordings that a package installed, for evaluation, with absolute paths and true durations."""

import json
import wave


def locate(transcripts, folder, out):
    """Finds each file of `transcripts` in `folder` or, by its name, below it."""
    rows = []
    for line in transcripts.open(encoding="utf-8"):
        row = json.loads(line)
        path = folder / row["audio_filepath"]
        if not path.is_file():
            found = sorted(folder.rglob(path.name))
            if len(found) != 1:
                raise SystemExit(f"error: `{row['audio_filepath']}` is {len(found)} times below `{folder}`")
            (path,) = found
        with wave.open(str(path)) as file:
            duration = round(file.getnframes() / file.getframerate(), 3)
        rows.append(row | {"audio_filepath": str(path.resolve()), "duration": duration})
    out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"recordings": len(rows), "seconds": round(sum(row["duration"] for row in rows), 1)}
