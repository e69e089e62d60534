// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>

namespace enfilade {

/// Has the kernel write no image of this process's memory anywhere: prompts, activations and keys
/// are in it.
///
/// The limit stops dumps into files, the attribute those into another program's pipe, for which
/// the limit does not count (prctl(2), core(5)). With it, processes of the same user cannot attach
/// to this one either.
inline void forbid_core_dumps() noexcept {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace enfilade
