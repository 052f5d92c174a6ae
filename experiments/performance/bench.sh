#!/usr/bin/env bash
# Measure again what takes minutes, and render README.md. LT_BENCH_RELEASE: a checkout of LetsTalk's release (optional).
# Longer ones are run by hand: compiled rows of model_step.py, sampler_steps.py of preset tiny, long_video.py,
# long_video_memory.py, evaluation_memory.py, peak_memory.py, one_pass.py with ten clips, many_clips.py up to 10,000.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python}
videos=()
if [ -n "${LT_BENCH_MIRROR:-}" ]; then videos=("$LT_BENCH_MIRROR"/grid-sample/{sbia1a,lwbsza}.mpg); fi
release=()
if [ -n "${LT_BENCH_RELEASE:-}" ]; then release=(--release "$LT_BENCH_RELEASE"); fi
run() {
  local started=$SECONDS
  echo "== $*"
  "$python" "$@"
  echo "== $1: $((SECONDS - started)) s"
}
run startup.py --out startup.json
run model_step.py "${release[@]}" --plain --rounds 5 --out model_step.json
run sampler_steps.py --preset micro --rounds 5 --out sampler_steps.json
run one_way_symbiotic.py 5
run window_reading.py --out window_reading.json
[ "${#videos[@]}" = 0 ] || run preparation.py "${videos[@]}" --out preparation.json
run frechet.py --repeats 5 --out frechet.json
run leaderboard_page.py --out leaderboard_page.json
run search_suggestions.py --out search_suggestions.json
run many_cells.py --repeats 5 --out many_cells.json
run many_videos.py --out many_videos.json
run many_clips.py --out many_clips.json
"$python" summary.py
