# SPDX-License-Identifier: Apache-2.0
"""Frames between processes: held ones stay, whatever becomes of the camera."""
from snippet import prints

CAMERA = """
CAMERA = '''if True:
    import itertools, sys, horus
    topic = horus.Topic(horus.Image)
    while topic.sub_count() < 2:
        pass
    for number in itertools.count():
        image = horus.Image(8, 8, "mono16")
        image.fill(number % 60000)
        image.timestamp_ns = number
        topic.send(image)
        del image
'''
import signal, subprocess, sys, horus
def new_frame(topic):
    while not (topic.wait(60) and (frame := topic.read_latest())):
        pass
    return frame
def intact(frame):
    return (frame.to_numpy() == frame.timestamp_ns % 60000).all()
topic = horus.Topic(horus.Image)
camera = subprocess.Popen([sys.executable, "-c", CAMERA])
"""


def test_a_held_frame_keeps_its_pixels_while_the_camera_goes_on():
    assert prints(CAMERA + """
held = new_frame(topic)
view, first = held.to_numpy(), held.timestamp_ns
del held
while new_frame(topic).timestamp_ns < first + 1000:
    pass
print((view == first % 60000).all())
camera.kill()
camera.wait()
""") == ["True"]


def test_every_frame_is_whole():
    assert prints(CAMERA + """
print(all(intact(new_frame(topic)) for _ in range(500)))
camera.kill()
camera.wait()
""") == ["True"]


def test_a_held_frame_survives_the_kill_of_its_camera():
    assert prints(CAMERA + """
held = new_frame(topic)
camera.send_signal(signal.SIGKILL)
camera.wait()
print(intact(held), intact(held.copy()))
horus.Topic("another").send(1)
print(intact(held))
""") == ["True True", "True"]


def test_images_that_wait_in_a_topic_are_not_reused():
    assert prints("""
        import horus
        topic = horus.Topic(horus.Image, capacity=4)
        for number in range(20):
            image = horus.Image(4, 4, "mono8")
            image.fill(number)
            topic.send(image)
        topic.wait(60)
        frames = topic.recv_all()
        print([int(frame[0, 0]) for frame in frames] == list(range(20 - len(frames), 20)))
    """) == ["True"]
