// SPDX-License-Identifier: Apache-2.0

// The program with which evidence in a file is judged, offline: what was looked at, in which order,
// and what it says.
//
// Run: enfilade-verify evidence document.cose --tee nitro --now 2024-09-07T14:40:00Z

#include <enfilade/verify/evidence_program.hpp>

int main(int argc, char** argv) { return enfilade::run_verify(argc, argv); }
