// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace horus::wire {

/// Version of the control protocol. The first number changes when an old client would misread a
/// reply, the second when something is added.
inline constexpr const char* kProtocolVersion = "1.3";

/// Names of the socket files in the runtime directory.
inline constexpr const char* kStatsSocket = "stats.sock";
inline constexpr const char* kControlSocket = "control.sock";
inline constexpr const char* kStopSocket = "estop.sock";

/// Host name of the first recorder in a base; further ones are "recorder-2" and so on. Its socket
/// has the same name.
inline constexpr const char* kRecorderHost = "recorder";

/// One interface as the service itself describes it (org.varlink.service.GetInterfaceDescription).
struct Interface {
  std::string_view name;
  std::string_view description;  ///< Varlink interface definition.
};
extern const Interface kServiceInterface;
extern const Interface kStatsInterface;
extern const Interface kControlInterface;
extern const Interface kRecorderInterface;

/// The interface of that name; null: there is none.
const Interface* find_interface(std::string_view name) noexcept;

/// Full names of the methods.
namespace method {
inline constexpr const char* kGetInfo = "org.varlink.service.GetInfo";
inline constexpr const char* kGetInterfaceDescription =
    "org.varlink.service.GetInterfaceDescription";
inline constexpr const char* kStatsGet = "io.horus.Stats.Get";
inline constexpr const char* kStatsSubscribe = "io.horus.Stats.Subscribe";
inline constexpr const char* kStatsHealth = "io.horus.Stats.Health";
inline constexpr const char* kStatsDescribe = "io.horus.Stats.Describe";
inline constexpr const char* kControlReload = "io.horus.Control.Reload";
inline constexpr const char* kControlSetLogLevel = "io.horus.Control.SetLogLevel";
inline constexpr const char* kControlEstop = "io.horus.Control.Estop";
inline constexpr const char* kControlRelease = "io.horus.Control.Release";
inline constexpr const char* kControlMayRelease = "io.horus.Control.MayRelease";
inline constexpr const char* kControlArm = "io.horus.Control.Arm";
inline constexpr const char* kControlDisarm = "io.horus.Control.Disarm";
inline constexpr const char* kRecorderTrigger = "io.horus.Recorder.Trigger";
inline constexpr const char* kControlFlushBlackBox = "io.horus.Control.FlushBlackBox";
}  // namespace method

/// Full names of the errors, with the names of their parameters.
namespace error {
inline constexpr const char* kInterfaceNotFound =
    "org.varlink.service.InterfaceNotFound";  ///< {interface}
inline constexpr const char* kMethodNotFound = "org.varlink.service.MethodNotFound";  ///< {method}
inline constexpr const char* kInvalidParameter =
    "org.varlink.service.InvalidParameter";  ///< {parameter}
inline constexpr const char* kPermissionDenied = "org.varlink.service.PermissionDenied";
inline constexpr const char* kExpectedMore = "org.varlink.service.ExpectedMore";
inline constexpr const char* kNoSuchNode = "io.horus.Stats.NoSuchNode";            ///< {node}
inline constexpr const char* kTooManyRequests = "io.horus.Stats.TooManyRequests";  ///< {limit}
inline constexpr const char* kNoNodeToSet = "io.horus.Control.NoSuchNode";         ///< {node}
inline constexpr const char* kSafetyRefused = "io.horus.Control.Refused";          ///< {message}
inline constexpr const char* kNoRing = "io.horus.Recorder.NoRing";
inline constexpr const char* kNotWritten = "io.horus.Recorder.NotWritten";  ///< {file, message}
inline constexpr const char* kRecorderEnds = "io.horus.Recorder.Ends";
inline constexpr const char* kReloadRejected = "io.horus.Control.ReloadRejected";  ///< {message}
inline constexpr const char* kNotKept = "io.horus.Control.NotKept";                ///< {message}
}  // namespace error

/// Shortest interval of Subscribe, in milliseconds.
inline constexpr int kMinSubscribeMs = 50;

}  // namespace horus::wire
