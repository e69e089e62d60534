// reject: E14 not-a-model
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

struct Half {
  static constexpr std::string_view name = "half";
  static constexpr std::size_t layers = 12;
};

using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;

#ifdef FIXED
using D = P::of<Gpt2Small>;
#else
using D = P::of<Half>;
#endif
