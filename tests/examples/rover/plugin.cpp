// SPDX-License-Identifier: Apache-2.0
#include <horus/plugin.hpp>

#include "camera.hpp"
#include "imu.hpp"
#include "joystick.hpp"
#include "lidar.hpp"
#include "motor.hpp"

using rover::Camera;
using rover::ImuDriver;
using rover::Joystick;
using rover::Lidar;
using rover::Motor;

HORUS_PLUGIN(HORUS_NODE(Motor), HORUS_NODE(ImuDriver), HORUS_NODE(Camera), HORUS_NODE(Lidar),
             HORUS_NODE(Joystick))
