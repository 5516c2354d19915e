#!/usr/bin/env bash
# The default model from the catalog to the bundle, in the folder WORK. Repeated, it goes on where it was.
#   recipes/default/build.sh WORK [DATA [OFFLINE]]
# DATA is the folder of fetched data sets (default WORK/data); a third argument --offline stays off the
# network, with OSSAMMA_MIRROR as the place of the files.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=${1:?expected a folder to work in}
data=${2:-$work/data}
offline=("${@:3}")
mkdir -p "$work"
cd "$work"

continued() { # --resume if the run folder $1 has begun
  if [ -f "$1/run.json" ]; then echo --resume; fi
}

ossamma data build --profile rag9 --data "$data" --out built/rag9 "${offline[@]}"
ossamma data prepare --plan "$here/texts.yaml" --data "$data" --out texts --workers 2 \
  --protect built/rag9/dev.jsonl --protect built/rag9/test.jsonl "${offline[@]}"
if ! [ -d encoder/encoder ]; then
  ossamma pretrain --text texts --recipe "$here/pretrain.yaml" --out encoder $(continued encoder)
fi
if ! [ -d tagger/bundle ]; then
  ossamma train --profile rag9 --init encoder --recipe "$here/finetune.yaml" --out tagger \
    --train built/rag9/train.jsonl --dev built/rag9/dev.jsonl --test built/rag9/test.jsonl \
    $(continued tagger)
fi
if ! [ -d calibrated ]; then
  ossamma calibrate --bundle tagger --gold built/rag9/dev.jsonl --out calibrated
fi
if ! [ -d bundle ]; then
  ossamma export calibrated --weights int8 --dev built/rag9/dev.jsonl --out bundle
fi
ossamma evaluate --bundle bundle --gold built/rag9/test.jsonl --out report
