# SPDX-License-Identifier: Apache-2.0
"""A point cloud that is filled in place, and what a subscriber computes from it without a copy."""
import numpy as np

import horus

lidar = horus.Topic(horus.PointCloud)

cloud = lidar.loan(1000, 4)                 # x, y, z, intensity
points = cloud.to_numpy()                   # its own memory
points[:] = np.linspace(0.0, 1.0, 4000, dtype=np.float32).reshape(1000, 4)
cloud.timestamp_ns = horus.timestamp_ns()
lidar.send(cloud)                           # a descriptor, no points

lidar.wait(1.0)
received = lidar.recv()
nearest = np.linalg.norm(received.to_numpy()[:, :3], axis=1).argmin()
print(received.point_count, received.field_names, nearest, received.read_only)
mean = received.as_tensor()[:, 3].mean()    # a tensor over the same memory
print(mean.shape, round(float(mean), 3))
