"""Visitors who ask through a balancer, twenty a second in four rows, until SIGTERM; prints what they got.

Arguments: URL, file for the result. A visitor has a new connection each time, as most have.
"""
import json, signal, sys, threading, time, urllib.error, urllib.request

url, file = sys.argv[1:]
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
answers, lock = [], threading.Lock()


def ask():
    while not over.is_set():
        begin = time.time()
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                json.load(answer)["reactiveState"]
                fault = None
        except (OSError, ValueError, KeyError) as error:
            fault = str(error)
        with lock:
            answers.append((begin, time.time() - begin, fault))
        over.wait(max(0.0, 0.2 - (time.time() - begin)))


rows = [threading.Thread(target=ask) for _ in range(4)]
for row in rows:
    row.start()
    time.sleep(0.05)
for row in rows:
    row.join()
faults = [(round(begin, 2), fault) for begin, _, fault in answers if fault]
took = sorted(seconds for _, seconds, _ in answers)
# The longest time without an answer: the cost of a failover of the balancers.
served = sorted(begin + seconds for begin, seconds, fault in answers if not fault)
gap = max((later - earlier for earlier, later in zip(served, served[1:])), default=0)
result = {"asked": len(answers), "failed": len(faults), "median": round(took[len(took) // 2], 4), "slowest": round(took[-1], 3),
        "gap": round(gap, 2), "slow": sum(seconds > 0.25 for seconds in took), "faults": faults[:3]}
json.dump(result, open(file, "w"))
print(json.dumps(result))
