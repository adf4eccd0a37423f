softgrad train --config flowers.toml --epochs 30 --no-report --out first | tail -1
