// SPDX-License-Identifier: Apache-2.0

// The program on the host between two enclaves: copies sealed bytes, and is trusted with nothing.
//
// Run: enfilade-relay --listen tcp:127.0.0.1:7001 --to tcp:127.0.0.1:7002

#include <enfilade/run/run_relay.hpp>

int main(int argc, char** argv) { return enfilade::run_relay(argc, argv); }
