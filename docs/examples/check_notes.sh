softgrad check notes.py || echo "exit code $?"
