softgrad train --config flowers.toml --epochs 30 --no-report --out first > /dev/null
softgrad train --config first/config.toml --no-report --out again > /dev/null
cmp first/model.safetensors again/model.safetensors && echo the same bits
