softgrad train flowers.csv --target species --hidden 16
