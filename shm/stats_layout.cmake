# SPDX-License-Identifier: Apache-2.0
# The layout of a statistics page: a hash of what declares it, without comments, texts and spaces.
# Two counters that change places change it, which no size would tell.
#   cmake -DFOLDER=rt -P shm/stats_layout.cmake    prints it
set(HORUS_STATS_HEADERS base/counter.hpp base/failures.hpp base/histogram.hpp base/late_ticks.hpp
    base/node_counters.hpp base/safety.hpp base/seqlock.hpp base/stale_inputs.hpp
    base/tick_stats.hpp include/horus/log.hpp include/horus/node.hpp include/horus/text.hpp)

function(horus_stats_layout folder result)
  set(declared "")
  foreach(header IN LISTS HORUS_STATS_HEADERS)
    file(READ "${folder}/${header}" text)
    string(REGEX REPLACE "//[^\n]*" "" text "${text}")
    string(REGEX REPLACE "\"[^\"]*\"" "" text "${text}")
    string(REGEX REPLACE "[ \t\r\n]+" " " text "${text}")
    string(APPEND declared "${text}")
  endforeach()
  string(SHA256 hash "${declared}")
  string(SUBSTRING "${hash}" 0 16 hash)
  set(${result} "0x${hash}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  horus_stats_layout("${FOLDER}" layout)
  message("${layout}")
endif()
