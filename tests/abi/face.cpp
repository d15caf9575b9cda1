// SPDX-License-Identifier: Apache-2.0
// The types that programs and libhorus share in memory, as a library that abidw reads: one function
// that takes each of them. What the installed headers leave incomplete stays out of it.
#include <horus/image.hpp>
#include <horus/log.hpp>
#include <horus/message.hpp>
#include <horus/node.hpp>
#include <horus/params.hpp>
#include <horus/payload.hpp>
#include <horus/plugin.hpp>
#include <horus/point_cloud.hpp>
#include <horus/realtime.hpp>
#include <horus/recording.hpp>
#include <horus/result.hpp>
#include <horus/scheduler.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

namespace horus {

// A message and what its table is made of stand for all messages: their own layouts are in their
// tables, which the tests of messages hold.
void face(const Error&, const Status&, const Result<bool>&, const NodeName&, const Rate&,
          const LogRecord&, const LogSink&, const Tick&, const Node&, const WakeSource&,
          const NodeConfig&, const CpuSet&, const RtProfile&, const RtReport&,
          const RtCapabilities&, const SchedulerOptions&, const StopReport&, const Rest&,
          const TickCounts&, const Scheduler&, const Params&, const PluginContext&,
          const PluginTable&, const RecordedMessage&, const Recording&) {}

namespace shm {

void face(const TypeInfo&, const VaryingInfo&, const Member&, const TailLayout&,
          const TopicOptions&, const Session&, const RawPublisher&, const RawSubscriber&,
          const SubscriberCounts&, const Origin&, const Payload&, const PayloadPublisher&,
          const PayloadSubscriber&, const Image&, const DepthImage&, const PointCloud&,
          const Tensor&, const EncodingInfo&) {}

}  // namespace shm
}  // namespace horus
