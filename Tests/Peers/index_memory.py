"""Runs a command and prints its seconds and its peak of anonymous and shared memory (mapped file pages apart), read every
5 ms from /proc.

usage: index_memory.py COMMAND...
"""
import subprocess
import sys
import time


def main():
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    peak = {"RssAnon": 0, "RssShmem": 0, "RssFile": 0}
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                for line in status:
                    name, _, value = line.partition(":")
                    if name in peak:
                        peak[name] = max(peak[name], int(value.split()[0]))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.005)
    status = process.wait()
    print(f"{time.perf_counter() - start:.2f} s, {(peak['RssAnon'] + peak['RssShmem']) / 1024:.0f} MB anonymous and shared, "
          f"{peak['RssFile'] / 1024:.0f} MB mapped")
    sys.exit(status)


main()
