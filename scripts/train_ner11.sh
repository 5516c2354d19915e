#!/bin/sh
# Trains NER11 from its data sets to a gated package: a thin door to `ossamma run ner11`.
#
#   scripts/train_ner11.sh RUN [OPTIONS OF ossamma run]
#   scripts/train_ner11.sh runs/ner11 --backend spacy --vram 8 --gpu-id 0 --notify mailto://...
#
# The same command goes on with a run that was killed. The exit code is that of `ossamma run`.
set -eu

if [ "$#" -lt 1 ]; then
    echo "usage: $0 RUN [OPTIONS OF ossamma run]" >&2
    exit 2
fi
run=$1
shift
exec ossamma run ner11 --out "$run" "$@"
