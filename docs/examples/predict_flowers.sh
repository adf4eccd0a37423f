softgrad predict softgrad-runs/flowers new-flowers.csv
