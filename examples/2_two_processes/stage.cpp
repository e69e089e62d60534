// SPDX-License-Identifier: Apache-2.0

// Compiled once per stage, with -DSTAGE=0, -DSTAGE=1, ...

#include <enfilade/run/run.hpp>

#include "topology.hpp"

//[main
int main(int argc, char** argv) { return enfilade::run<Split::stage<STAGE>>(argc, argv); }
//]
