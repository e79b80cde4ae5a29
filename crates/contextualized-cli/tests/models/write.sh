#!/usr/bin/env bash
# Writes the model files of this folder and their predictions with the program as it is now.
# Stored files stay when the program changes: that they can still be read is what they are for.
# Usage: write.sh path/to/contextualized
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")"

"$program" simulate regression --rows 60 --noise 0.3 --out regression.csv
"$program" simulate regression --family binomial --rows 120 --out binary.csv
"$program" simulate sem --rows 80 --out sem.csv

fit() {
  local name=$1 data=$2 estimator=$3
  "$program" fit "$data" 'y ~ x0 + x1 + x2 | c0 + c1' --estimator "$estimator" --out "$name.ctx" --quiet
}
fit population regression.csv population
fit cluster regression.csv cluster
fit gp regression.csv gp
fit neural regression.csv neural
fit binary binary.csv gp
"$program" networks sem.csv '~ x0 + x1 + x2 + x3 | c0' --kind bayesian --estimator gp --out bayesian.ctx --quiet

# Rows that all of them can predict.
{
  echo c0,c1,x0,x1,x2,x3
  echo 0.5,-0.5,1,0,2,1
  echo 1.2,0.3,-1,0.5,0,0
  echo -0.9,0.9,0,0,0,-1
  echo 1.9,-0.1,2,-2,1,3
} > data.csv
for name in population cluster gp neural binary bayesian; do
  "$program" predict "$name.ctx" data.csv --out "$name.predicted.csv"
done
rm regression.csv binary.csv sem.csv
