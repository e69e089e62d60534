// reject: E21 part-not-computed
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/run/stage_engine.hpp>

using namespace enfilade;

struct Watermark {};
template <>
struct enfilade::facts_of<Watermark> {
  static constexpr part_facts value{.name = "watermark"};
};

template <class Topology>
using Small =
    typename Topology::template of<Gpt2Small>::template with<AesGcm, insecure::Mock, Reference>;

#ifdef FIXED
//[right
using D = Small<Pipeline<Embed<Layers<0, 12>>, LmHead>>;
template class enfilade::stage_engine<D::stage<0>>;
//]
#else
//[wrong
using D = Small<Pipeline<Embed<Layers<0, 12>>, Watermark, LmHead>>;
template class enfilade::stage_engine<D::stage<0>>;
//]
#endif
