# SPDX-License-Identifier: Apache-2.0
"""One side of a ping-pong over each library: send() a message of so many bytes, and receive() one,
or None. While `sleeping` is true, receive() waits for one, for a tenth of a second at most.

Each keeps to this machine: shared memory, or the loopback interface.
"""
import ctypes
import dataclasses
import importlib.metadata
import os
import pathlib

SMALL = 16  # Bytes: a CmdVel.
HEIGHT, WIDTH = 1080, 1920
FRAME = HEIGHT * WIDTH * 3  # Bytes: an Image, copied in and out.
WAIT = 0.1  # Seconds.


class Horus:
    package = None
    sleeps = True

    def __init__(self, me, other, size, sleeping):
        import horus
        self.version = horus.__version__
        self.pixels = None
        if size == FRAME:
            import numpy
            kind, self.message = horus.Image, horus.Image(HEIGHT, WIDTH, "rgb8")
            self.pixels = numpy.zeros((HEIGHT, WIDTH, 3), dtype=numpy.uint8)
        else:
            kind = horus.CmdVel if size == SMALL else horus.CompressedImage
            self.message = kind(1.0, 0.5) if size == SMALL else kind(data=bytes(size))
        # As its peers' publishers are told the size, too.
        most = {"max_size": size + 256} if kind is horus.CompressedImage else {}
        self.out = horus.Topic(kind, endpoint=f"peers.{me}", **most)
        self.back = horus.Topic(kind, endpoint=f"peers.{other}", **most)
        self.sleeping = sleeping

    def send(self):
        if self.pixels is not None:
            self.message.copy_from(self.pixels)
        self.out.send(self.message)

    def receive(self):
        message = self.back.try_recv()
        if message is None and self.sleeping and self.back.wait(WAIT):
            message = self.back.try_recv()
        if self.pixels is not None and message is not None:
            return message.to_numpy().tobytes()
        return message


class HorusRobotics:
    package = "horus-robotics"
    sleeps = False  # Its topics have no call that waits.

    def __init__(self, me, other, size, sleeping):
        import horus
        self.sleeping = sleeping
        installed = importlib.metadata.distribution(self.package).locate_file("horus")
        if pathlib.Path(horus.__file__).parent.resolve() != pathlib.Path(installed).resolve():
            raise RuntimeError("another package of the name `horus` hides it")
        if size != SMALL:
            raise RuntimeError("only a CmdVel is tried")
        self.message = horus.CmdVel(1.0, 0.5)
        name = f"peers.{os.environ['HORUS_NAMESPACE']}"
        self.out = horus.Topic(horus.CmdVel, endpoint=f"{name}.{me}")
        self.back = horus.Topic(horus.CmdVel, endpoint=f"{name}.{other}")

    def send(self):
        self.out.send(self.message)

    def receive(self):
        return self.back.recv()


class Iceoryx2:
    package = "iceoryx2"
    sleeps = True

    def __init__(self, me, other, size, sleeping):
        import iceoryx2
        self.iceoryx2, self.size, self.sleeping = iceoryx2, size, sleeping
        self.bytes, self.notifier = bytes(size), None
        iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
        self.node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
        self.services = []
        kind = iceoryx2.Slice[ctypes.c_uint8]
        out = self.service(me, lambda builder: builder.publish_subscribe(kind))
        back = self.service(other, lambda builder: builder.publish_subscribe(kind))
        self.publisher = out.publisher_builder().initial_max_slice_len(size).create()
        self.subscriber = back.subscriber_builder().create()
        if sleeping:
            rings = self.service(f"{me}.bell", lambda builder: builder.event())
            hears = self.service(f"{other}.bell", lambda builder: builder.event())
            self.notifier = rings.notifier_builder().create()
            self.listener = hears.listener_builder().create()
            self.wait = iceoryx2.Duration.from_secs_f64(WAIT)

    def service(self, name, pattern):
        name = f"peers/{os.environ['HORUS_NAMESPACE']}/{name}"
        builder = self.node.service_builder(self.iceoryx2.ServiceName.new(name))
        self.services.append(pattern(builder).open_or_create())
        return self.services[-1]

    def send(self):
        sample = self.publisher.loan_slice_uninit(self.size)
        ctypes.memmove(sample.payload_ptr, self.bytes, self.size)
        sample.assume_init().send()
        if self.notifier is not None:
            self.notifier.notify()

    def receive(self):
        sample = self.subscriber.receive()
        if sample is None and self.sleeping:
            self.listener.timed_wait(self.wait)
            sample = self.subscriber.receive()
        if sample is None:
            return None
        message = ctypes.string_at(sample.payload_ptr, self.size)
        sample.delete()
        return message


class Zenoh:
    package = "eclipse-zenoh"
    sleeps = True

    def __init__(self, me, other, size, sleeping):
        import zenoh
        config = zenoh.Config()
        config.insert_json5("scouting/multicast/enabled", "false")
        address = f'["tcp/127.0.0.1:{os.environ["PEERS_PORT"]}"]'
        listens = me == "pong"
        config.insert_json5("listen/endpoints", address if listens else "[]")
        config.insert_json5("connect/endpoints", "[]" if listens else address)
        self.session = zenoh.open(config)
        self.publisher = self.session.declare_publisher(f"peers/{me}", express=True)
        self.subscriber = self.session.declare_subscriber(f"peers/{other}")
        self.bytes, self.sleeping = bytes(size), sleeping

    def send(self):
        self.publisher.put(self.bytes)

    def receive(self):
        # Its blocking call waits for ever; once the two are connected nothing is lost.
        sample = self.subscriber.recv() if self.sleeping else self.subscriber.try_recv()
        return None if sample is None else sample.payload.to_bytes()


class CycloneDds:
    package = "cyclonedds"
    sleeps = True

    def __init__(self, me, other, size, sleeping):
        os.environ["CYCLONEDDS_URI"] = (
            "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
            "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto"
            "</ParticipantIndex><Peers><Peer address='127.0.0.1'/></Peers></Discovery></Domain>"
            "</CycloneDDS>")
        from cyclonedds.core import Policy, Qos, ReadCondition, WaitSet
        from cyclonedds.domain import DomainParticipant
        from cyclonedds.pub import DataWriter
        from cyclonedds.sub import DataReader
        from cyclonedds.topic import Topic
        from cyclonedds.idl import IdlStruct
        from cyclonedds.idl.types import sequence, uint8

        @dataclasses.dataclass
        class Blob(IdlStruct, typename="Blob"):
            data: sequence[uint8]

        participant = DomainParticipant(0)
        quality = Qos(Policy.Reliability.Reliable(10**9), Policy.History.KeepLast(16))
        self.writer = DataWriter(participant, Topic(participant, f"peers_{me}", Blob), qos=quality)
        self.reader = DataReader(participant, Topic(participant, f"peers_{other}", Blob),
                                 qos=quality)
        self.message, self.sleeping = Blob(bytes(size)), sleeping
        self.waits = WaitSet(participant)
        self.waits.attach(ReadCondition(self.reader, 0x7f))  # Any state.

    def send(self):
        self.writer.write(self.message)

    def receive(self):
        taken = self.reader.take(1)
        if not taken and self.sleeping:
            self.waits.wait(int(WAIT * 1e9))
            taken = self.reader.take(1)
        return taken[0] if taken else None


class Lcm:
    package = "lcm"
    sleeps = True

    def __init__(self, me, other, size, sleeping):
        import lcm
        self.lcm = lcm.LCM(f"udpm://239.255.76.67:{os.environ['PEERS_PORT']}?ttl=0")
        self.name, self.bytes, self.got = f"PEERS_{me}", bytes(size), None
        self.subscription = self.lcm.subscribe(f"PEERS_{other}", self.take)
        self.sleeping = sleeping

    def take(self, _channel, data):
        self.got = data

    def send(self):
        self.lcm.publish(self.name, self.bytes)

    def receive(self):
        self.got = None
        self.lcm.handle_timeout(int(WAIT * 1e3) if self.sleeping else 0)
        return self.got


LIBRARIES = {"horus": Horus, "horus-robotics": HorusRobotics, "iceoryx2": Iceoryx2,
             "zenoh": Zenoh, "cyclonedds": CycloneDds, "lcm": Lcm}
