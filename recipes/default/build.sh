#!/usr/bin/env bash
# The default model, from the catalog to a release with its report, in the folder WORK:
#   recipes/default/build.sh WORK [--offline]
# OSSAMMA_MIRROR names a folder with the data sets, if they shall not be fetched. Repeated after an
# interruption it goes on where it was. What lies beside this script decides: texts.yaml (what is read),
# pretrain.yaml and finetune.yaml (how), and build.yaml (the training set), if there is one.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?expected a folder to work in}"
cd "$1"
network=("${@:2}")
policy=()
if [ -f "$here/build.yaml" ]; then policy=(--policy "$here/build.yaml"); fi

begun() { # --resume, where the run in folder $1 has begun
  if [ -f "$1/run.json" ]; then echo --resume; fi
}

ossamma data build --profile rag9 --out built/rag9 "${policy[@]}" "${network[@]}"
ossamma data prepare --plan "$here/texts.yaml" --out texts --workers 2 "${network[@]}" \
  --protect built/rag9/dev.jsonl --protect built/rag9/test.jsonl
if ! [ -d encoder/encoder ]; then
  # shellcheck disable=SC2046
  ossamma pretrain --text texts --recipe "$here/pretrain.yaml" --out encoder $(begun encoder)
fi
if ! [ -d tagger/bundle ]; then
  # shellcheck disable=SC2046
  ossamma train --profile rag9 --init encoder --recipe "$here/finetune.yaml" --out tagger \
    --train built/rag9/train.jsonl --dev built/rag9/dev.jsonl --test built/rag9/test.jsonl $(begun tagger)
fi
if ! [ -d calibrated ]; then
  ossamma calibrate --bundle tagger --gold built/rag9/dev.jsonl --out calibrated
fi
if ! [ -d rag9 ]; then
  # Some of the marks and texts are under a share-alike licence (see built/rag9/card.md).
  ossamma export calibrated --weights int8 --dev built/rag9/dev.jsonl --out rag9 \
    --name "OSSAMMA rag9 mini" --licence cc-by-sa-4.0 --language en
fi
if ! [ -d report ]; then
  ossamma evaluate --bundle rag9 --gold built/rag9/test.jsonl --train-surfaces built/rag9/train.jsonl --out report
fi
