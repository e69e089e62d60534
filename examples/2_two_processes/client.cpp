// SPDX-License-Identifier: Apache-2.0

// Talks to stage 0 alone, and to that only after it has proved what it is.

#include <enfilade/run/run_client.hpp>

#include "topology.hpp"

//[main
int main(int argc, char** argv) { return enfilade::run_client<Split>(argc, argv); }
//]
