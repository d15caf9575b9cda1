# SPDX-License-Identifier: Apache-2.0
"""The helper methods of the message classes, which C++ makes from their declarations alone.

Importing this package adds them; the modules are by group, as the declarations are. They keep to
the same conventions:

- A static method makes a message. A command, gains, a place or a velocity that it makes is of now;
  what it makes of a sensor's data has the constructor's timestamp.
  It is refused on a message, which it would leave as it was.
- `with_...` returns a copy in which fields are set, so that calls chain:
  `NavGoal(1, 2).with_timeout(10).with_priority(3)`. The message stays as it was.
- What is named after a verb (`normalize`, `update`, `enable`) changes the message and returns None.
- `is_valid()` is False when a value is NaN or infinite, infinite limits apart, or out of the range
  that its doc gives.
- A wrong argument raises ValueError, or IndexError for an index, or TypeError for a message of
  another class, and says name, value and range. An index out of range and a list that is full are
  of two kinds each (`_errors`). A comparison with NaN does not hold, and where one
  stands for safety the method says to which side it falls.
"""
from . import (  # noqa: F401
    camera, clocks, control, devices, diagnostics, force, geometry, grids, lists, navigation,
    perception, sensors, tracking,
)
