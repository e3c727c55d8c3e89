#!/bin/sh
# Makes the files of this folder from one utterance, with ffmpeg 5.1 (libmp3lame, libopus, libvorbis, libx264).
# Names are CODING-RATE-CHANNELS.EXTENSION; the test `audio_formats` decodes each and compares it with the utterance.
set -eu
cd "$(dirname "$0")"
speech=../test/wav/000010-9ff32614.wav

# make FILE RATE CHANNELS SECONDS OPTION...: SECONDS from the start, so that no file is larger than 60 kB.
make() {
    file=$1 rate=$2 channels=$3 seconds=$4
    shift 4
    ffmpeg -v error -nostdin -y -t "$seconds" -i "$speech" -af "aresample=$rate,$(layout "$channels")" \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$@" "$file"
}

# Every channel holds the speech, so that the mean of all is the utterance again, but for the gain.
layout() {
    case $1 in
    1) echo "aformat=channel_layouts=mono" ;;
    2) echo "pan=stereo|c0=c0|c1=c0" ;;
    6) echo "pan=5.1|c0=0.8*c0|c1=0.8*c0|c2=c0|c3=0.5*c0|c4=0.5*c0|c5=0.5*c0" ;;
    esac
}

# WAV and its relatives.
make u8-8000-1.wav 8000 1 2 -c:a pcm_u8
make s16-44100-2.wav 44100 2 0.2 -c:a pcm_s16le
make s24-48000-1.wav 48000 1 0.25 -c:a pcm_s24le
make s32-22050-1.wav 22050 1 0.4 -c:a pcm_s32le
make f32-96000-1.wav 96000 1 0.1 -c:a pcm_f32le
make f64-8000-1.wav 8000 1 0.5 -c:a pcm_f64le
make s16-16000-6.wav 16000 6 0.2 -c:a pcm_s16le
make alaw-8000-1.wav 8000 1 9 -c:a pcm_alaw
make mulaw-8000-2.wav 8000 2 1.5 -c:a pcm_mulaw
make adpcm-22050-1.wav 22050 1 9 -c:a adpcm_ms
make ima-44100-2.wav 44100 2 0.7 -c:a adpcm_ima_wav
make s16-16000-1.rf64 16000 1 1 -c:a pcm_s16le -f wav -rf64 always
make s16-22050-1.w64 22050 1 0.7 -c:a pcm_s16le
# Others without loss.
make s16-8000-1.aiff 8000 1 1.5 -c:a pcm_s16be
make s24-48000-1.aiff 48000 1 0.25 -c:a pcm_s24be
make mulaw-8000-1.aifc 8000 1 9 -c:a pcm_mulaw -f aiff
make s16-22050-1.caf 22050 1 0.7 -c:a pcm_s16be
make alac-44100-1.caf 44100 1 0.7 -c:a alac
for rate in 8000 22050 44100 48000 96000; do
    make flac-$rate-1.flac $rate 1 0.6 -c:a flac -metadata_header_padding 0
done
make flac-48000-2.flac 48000 2 0.5 -c:a flac -metadata_header_padding 0
make flac-16000-6.flac 16000 6 0.25 -c:a flac -metadata_header_padding 0
make flac-16000-1.ogg 16000 1 1 -c:a flac -page_duration 200000
make flac-16000-1.mkv 16000 1 1 -c:a flac
make s16-16000-1.mkv 16000 1 1 -c:a pcm_s16le
make alac-44100-2.m4a 44100 2 0.7 -c:a alac
# With loss.
for rate in 8000 22050 44100 48000; do
    make mp3-$rate-1.mp3 $rate 1 9 -c:a libmp3lame -b:a 32k
done
make mp3-44100-2.mp3 44100 2 9 -c:a libmp3lame -q:a 5
make plain-16000-1.mp3 16000 1 9 -c:a libmp3lame -b:a 32k -write_xing 0
make mp2-48000-2.mp2 48000 2 9 -c:a mp2 -b:a 96k
for rate in 8000 22050 44100 48000 96000; do
    make vorbis-$rate-1.ogg $rate 1 9 -c:a libvorbis -q:a 1 -page_duration 200000
done
make vorbis-44100-2.ogg 44100 2 9 -c:a libvorbis -q:a 1 -page_duration 200000
make vorbis-48000-6.ogg 48000 6 1.5 -c:a libvorbis -q:a 0 -page_duration 200000
for kbits in 8 16 24 48; do
    make opus$kbits-48000-1.opus 48000 1 9 -c:a libopus -b:a ${kbits}k -application voip -page_duration 200000
done
make opus-48000-2.opus 48000 2 9 -c:a libopus -b:a 48k -page_duration 200000
make opus-48000-6.opus 48000 6 2 -c:a libopus -b:a 96k -page_duration 200000
make opus-48000-1.webm 48000 1 9 -c:a libopus -b:a 24k
make opus-48000-2.mp4 48000 2 9 -c:a libopus -b:a 32k
make vorbis-22050-1.webm 22050 1 9 -c:a libvorbis -q:a 1
make aac-44100-1.mkv 44100 1 9 -c:a aac -b:a 48k
make mp3-44100-1.mkv 44100 1 9 -c:a libmp3lame -b:a 48k
for rate in 8000 22050 44100 48000; do
    make aac-$rate-1.m4a $rate 1 9 -c:a aac -b:a 40k -movflags +faststart
done
make aac-96000-1.m4a 96000 1 2 -c:a aac -b:a 128k -movflags +faststart
make aac-44100-2.m4a 44100 2 9 -c:a aac -b:a 64k
make aac-48000-6.m4a 48000 6 1.5 -c:a aac -b:a 128k -movflags +faststart
make aac-22050-6.aac 22050 6 2 -c:a aac -b:a 96k
make aac-44100-6.mkv 44100 6 1.5 -c:a aac -b:a 128k
make aac-96000-6.mp4 96000 6 1 -c:a aac -b:a 200k -movflags +faststart
make aac-44100-1.mov 44100 1 9 -c:a aac -b:a 48k
make fragments-44100-1.mp4 44100 1 9 -c:a aac -b:a 48k -movflags frag_keyframe+delay_moov -frag_duration 500000
make aac-48000-1.aac 48000 1 9 -c:a aac -b:a 48k
# A film: the first track is video, the audio starts half a second later than that.
for ending in mp4 mkv; do
    ffmpeg -v error -nostdin -y -f lavfi -i color=c=black:s=64x64:r=5:d=3.5 -itsoffset 0.5 -i "$speech" \
        -map 0:v -map 1:a -ar 44100 -c:v libx264 -preset ultrafast -c:a aac -b:a 48k -map_metadata -1 -fflags +bitexact \
        film-44100-1.$ending
done
# ffmpeg has no encoder for HE-AAC: `heaac-48000-2.aac` (v1, 48 kbit/s) and `heaac2-44100-2.aac` (v2, 32 kbit/s) are made by
# that of the crate syom 0.9.0, `EncodeOptions::adts().with_he(true)` and `with_he_v2(true)`; the right channel has 0.6 of the left.
ffmpeg -v error -nostdin -y -i heaac-48000-2.aac -c:a copy -map_metadata -1 -fflags +bitexact -movflags +faststart heaac-48000-2.m4a
# As a pipe gets them: nothing that is known at the end alone is in the header.
live() {
    ffmpeg -v error -nostdin -t "$3" -i "$speech" -ar "$2" "${@:4}" -map_metadata -1 -fflags +bitexact pipe:1 >"$1"
}
live stream-16000-1.flac 16000 1 -c:a flac -f flac
live stream-48000-1.webm 48000 9 -c:a libopus -b:a 24k -live 1 -f webm
live stream-44100-1.mkv 44100 9 -c:a libvorbis -q:a 1 -f matroska
