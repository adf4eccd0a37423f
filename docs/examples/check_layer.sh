softgrad check layer.py || echo "exit code $?"
