# SPDX-License-Identifier: Apache-2.0
"""The garbage collector under each policy: when it runs, what is counted, what is left behind."""
import pytest

from snippet import ended, prints

START = """
import gc, horus
class Knot:
    def __init__(self):
        self.self = self
def litter(node):
    for _ in range(300):
        Knot()
def run(tick=litter, duration=1, rate=50, **options):
    # So many ticks as fit into the duration; on a busy machine they take longer.
    last = duration * rate - 1
    def limited(node):
        tick(node)
        if horus.tick() >= last:
            node.request_stop()
    scheduler = horus.Scheduler(**options)
    scheduler.add(horus.Node("a", limited, rate, init=options_init))
    gc.collect()  # What importing left must not fill a generation before init.
    scheduler.run()
    stats = scheduler.get_node_stats("a")
    return [stats[f"gc_gen{generation}_collections"] for generation in range(3)], stats
options_init = None
gc.collect()  # Else it depends on what the import makes whether a collection is due within the run.
"""


def test_slack_collects_between_ticks_and_never_within():
    assert prints(START + """
inside = []
def tick(node):
    before = sum(entry["collections"] for entry in gc.get_stats())
    litter(node)
    inside.append(sum(entry["collections"] for entry in gc.get_stats()) - before)
collections, stats = run(tick)
print(sum(inside), collections[0] + collections[1] > 0, gc.isenabled())
print(sum(stats[f"gc_gen{g}_collected"] for g in range(3)) > 300)
""") == ["0 True True", "True"]


def test_slack_freezes_what_init_made_and_thaws_it_at_the_end():
    assert prints(START + """
frozen = []
run(lambda n: frozen.append((gc.get_freeze_count() > 1000, gc.isenabled())), duration=0.1)
print(set(frozen), gc.get_freeze_count(), gc.isenabled())
""") == ["{(True, False)} 0 True"]


def test_slack_frees_what_init_left_before_the_first_tick():
    assert prints(START + """
import weakref
left = []
def options_init(node):
    knot = Knot()
    left.append(weakref.ref(knot))
seen = []
run(lambda n: seen.append(left[0]() is None), duration=0.1)
print(seen[0])
""") == ["True"]


def test_what_the_user_froze_stays_frozen():
    assert prints(START + """
gc.freeze()
before = gc.get_freeze_count()
run(duration=0.1)
print(gc.get_freeze_count() == before > 0)
""") == ["True"]


@pytest.mark.parametrize("policy", ["slack", "off", "python"])
@pytest.mark.parametrize("enabled", [True, False])
def test_the_users_state_is_as_before(policy, enabled):
    assert prints(START + f"""
gc.enable() if {enabled} else gc.disable()
gc.set_threshold(500, 7, 9)
callbacks = list(gc.callbacks)
run(duration=0.1, gc={policy!r})
print(gc.isenabled(), gc.get_threshold(), gc.callbacks == callbacks, gc.get_freeze_count())
""") == [f"{enabled} (500, 7, 9) True 0"]


def test_the_users_state_is_as_before_after_a_failure_too():
    assert prints(START + """
def options_init(node):
    raise ValueError
try:
    run()
except ValueError:
    print(gc.isenabled(), gc.callbacks, gc.get_freeze_count())
""") == ["True [] 0"]


def test_disabling_it_in_init_means_off():
    assert prints(START + """
def options_init(node):
    gc.disable()
print(run(duration=0.5)[0], gc.isenabled(), gc.get_freeze_count())
""") == ["[0, 0, 0] False 0"]


def test_enabling_it_again_while_it_runs_gives_it_back_to_python():
    assert prints(START + """
def tick(node):
    gc.enable()
    litter(node)
collections, stats = run(tick, duration=0.5)
print(collections[0] > 0, gc.isenabled())
""") == ["True True"]


def test_off_never_collects_what_the_user_turned_off():
    assert prints(START + """
gc.disable()
print(run(duration=0.5, gc="off")[0])
""") == ["[0, 0, 0]"]


@pytest.mark.parametrize("policy", ["off", "python"])
def test_pythons_own_collections_are_counted(policy):
    assert prints(START + f"""
collections, stats = run(duration=0.5, gc={policy!r})
print(collections[0] > 5, stats["gc_gen0_max_pause_us"] > 0, stats["gc_gen0_forced"])
""") == ["True True 0"]


def test_a_users_own_collection_is_counted_by_generation_with_its_tick():
    assert prints(START + """
def options_init(node):
    gc.disable()
def tick(node):
    if horus.tick() == 3:
        gc.collect(0)
    if horus.tick() == 5:
        gc.collect(1)
        gc.collect(1)
collections, stats = run(tick, duration=0.3)
print(collections, stats["gc_gen0_longest_tick"], stats["gc_gen1_longest_tick"])
print(stats["gc_gen0_max_pause_us"] > 0, stats["gc_gen2_max_pause_us"])
""") == ["[1, 2, 0] 3 5", "True 0.0"]


def test_without_slack_a_collection_is_forced_and_counted():
    assert prints(START + """
def tick(node):
    until = horus.monotonic_ns() + 950_000
    while horus.monotonic_ns() < until:
        Knot()
collections, stats = run(tick, duration=1.5, rate=1000)
print(stats["gc_gen0_forced"] + stats["gc_gen1_forced"] + stats["gc_gen2_forced"] > 0)
""") == ["True"]


def test_garbage_does_not_pile_up_under_slack():
    assert prints(START + """
alive = []
def tick(node):
    litter(node)
    alive.append(gc.get_count()[0])
run(tick, duration=2)
print(max(alive) < 20_000)
""") == ["True"]


def test_a_second_scheduler_counts_the_same_pauses():
    assert prints(START + """
import threading
results = []
def one(name):
    def tick(node):
        litter(node)
        if horus.tick() == 50:
            node.request_stop()
    scheduler = horus.Scheduler(name=name).add(horus.Node(name, tick, 50))
    scheduler.run()
    stats = scheduler.get_node_stats(name)
    results.append(sum(stats[f"gc_gen{g}_collections"] for g in range(3)) > 0)
threads = [threading.Thread(target=one, args=(name,)) for name in ("x", "y")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results, gc.isenabled(), gc.callbacks, gc.get_freeze_count())
""") == ["[True, True] True [] 0"]


BURST = START + """
def load(objects):
    return [[i] for i in range(objects)]
"""


def test_a_burst_of_objects_is_frozen_and_not_collected():
    assert prints(BURST + """
kept = []
frozen = []
def tick(node):
    if horus.tick() == 100:
        kept.append(load(200_000))
    frozen.append(gc.get_freeze_count() if horus.tick() in (99, 150, 900) else 0)
collections, stats = run(tick, duration=1, rate=1000)
print(frozen[150] - frozen[99] > 150_000)
print(stats["gc_gen2_collections"], stats["gc_freezes"] > 0, gc.get_freeze_count())
print(stats["gc_objects"] - len(gc.get_objects()) in range(-30_000, 30_000))
""") == ["True", "0 True 0", "True"]


def test_a_cycle_that_was_frozen_and_died_is_freed_by_a_full_collection():
    assert prints(BURST + """
import weakref
class Big(list):
    pass
alive = []
frozen = []
def make(count):
    for _ in range(count):
        big = Big()
        big.append(big)
    alive.append(weakref.ref(big))
def tick(node):
    if horus.tick() in (50, 100, 150):
        make(60_000)
    if len(alive) == 3 and all(ref() is None for ref in alive[:2]):
        frozen.append(gc.get_freeze_count() > 5000)
        node.request_stop()
collections, stats = run(tick, duration=60, rate=1000)
print([ref() is None for ref in alive[:2]], stats["gc_gen2_collections"] > 0)
print(stats["gc_gen2_forced"] > 0, frozen)
""") == ["[True, True] True", "True [True]"]


def test_an_event_may_come_at_any_time():
    assert prints(BURST + """
import threading, time
kept = []
def tick(node):
    node.recv_all("go")
    if len(kept) < 2:
        kept.append(load(400_000))
scheduler = horus.Scheduler().add(horus.Node("a", tick, on="go", subs=["go"]))
def send():
    topic = horus.Topic("go")
    while len(kept) < 2 or not scheduler.get_node_stats("a")["gc_freezes"]:
        topic.send(1)
        time.sleep(0.02)
    scheduler.stop()
thread = threading.Thread(target=send)
thread.start()
scheduler.run(50)
thread.join()
print(len(kept), scheduler.get_node_stats("a")["gc_freezes"] > 0)
""") == ["2 True"]


def test_a_full_collection_without_slack_is_announced_with_the_types_that_grow():
    done = ended(BURST + """
class Wheel:
    def __init__(self):
        self.self = self
kept = []
def tick(node):
    kept.extend(Wheel() for _ in range(300))
run(tick, duration=1.5, rate=1000)
""")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "no slack fits" in line]
    assert len(lines) == 1, done.stderr
    assert "Wheel" in lines[0]


def test_garbage_that_is_collected_by_force_is_named():
    done = ended(START + """
def tick(node):
    until = horus.monotonic_ns() + 950_000
    while horus.monotonic_ns() < until:
        Knot()
run(tick, duration=1, rate=1000)
""")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "grows without slack" in line]
    assert len(lines) == 1, done.stderr
    assert "Knot" in lines[0]


def test_what_goes_before_the_first_tick_is_no_pause():
    assert prints(START + """
def options_init(node):
    gc.collect()
collections, stats = run(lambda node: None, duration=0.1)
print(collections, stats["gc_gen2_max_pause_us"], stats["gc_objects"] > 1000)
""") == ["[0, 0, 0] 0.0 True"]


@pytest.mark.parametrize("policy", ["slack", "off", "python"])
def test_objects_and_memory_are_known_under_each_policy(policy):
    assert prints(BURST + f"""
kept = []
def tick(node):
    if horus.tick() == 2:
        kept.append(load(50_000))
stats = run(tick, duration=0.5, gc={policy!r})[1]
print(stats["gc_objects"] - len(gc.get_objects()) in range(-20_000, 20_000))
print(stats["rss_bytes"] > 10_000_000)
""") == ["True", "True"]


def test_a_second_scheduler_with_another_policy_says_so():
    assert prints(START + """
import threading, time
first = horus.Scheduler(name="x", gc="python").add(horus.Node("x", litter, 50))
thread = threading.Thread(target=first.run, args=(60,))
thread.start()
while not first.is_running():
    time.sleep(0.01)
for policy in ("slack", "python"):
    second = horus.Scheduler(name="y", gc=policy).add(horus.Node("y", litter, 50))
    second.run(0.2)
    print([entry["reason"] for entry in second.degradations() if entry["feature"] == "gc"])
first.stop()
thread.join()
print([entry["feature"] for entry in first.degradations() if entry["feature"] == "gc"])
""") == ["[\"gc='slack' asked for, but a scheduler of this process runs with gc='python': "
         "they share one collector\"]", "[]", "[]"]


def test_a_node_that_storms_with_garbage_misses_and_its_pauses_are_counted():
    assert prints(START + """
def storm(node):
    for _ in range(40_000):
        Knot()
collections, stats = run(storm, duration=0.05, rate=1000)
print(stats["deadline_misses"] > 0, sum(collections) > 0)
print(max(stats[f"gc_gen{g}_p50_pause_us"] for g in range(3)) > 0)
""") == ["True True", "True"]
