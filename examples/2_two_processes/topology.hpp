// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one file that every stage and the client of the main job are built from. MODEL and STAGES come
// from CMakeLists.txt; a program of your own would have neither and name its types here.

//[topology
// What the deployment names and nothing else: then a stage has no symbol of a policy that it lacks.
// <enfilade/enfilade.hpp> has everything, for programs that are not measured.
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/model/atlas.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/tcp.hpp>

#include <cstddef>

using namespace enfilade;

using Model = MODEL;
inline constexpr std::size_t all = Model::layers;

#if STAGES == 1
using Topology = Pipeline<Embed<Layers<0, all>>, LmHead>;
#elif STAGES == 2
using Topology = Pipeline<Embed<Layers<0, all / 2>>, Relay<Tcp>, Layers<all / 2, all>, LmHead>;
#elif STAGES == 3
using Topology = Pipeline<Embed<Layers<0, all / 3>>, Relay<Tcp>, Layers<all / 3, 2 * all / 3>,
                          Relay<Tcp>, Layers<2 * all / 3, all>, LmHead>;
#endif

using Split = Topology::of<Model>::with<AesGcm, insecure::Mock, CpuF32>;
//]
