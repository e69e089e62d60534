// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/role.hpp>

#include <concepts>
#include <cstddef>

/// Every text that the compiler prints where a composition is wrong: one struct a rule.
///
/// The struct's name is the rule's slug, its arguments are the offending types, and the compiler
/// prints both beside the text. A text says what is wrong, then `Fix:`, then where to read on:
/// docs/diagnostics.md has an anchor for each number, tests/reject/ a test.
///
/// A text stands in `given()` and not in the body of its struct: a class whose body holds a failed
/// assertion is invalid, and clang then drops the user's whole declaration and complains about each
/// later use of it. A function stays callable, is true, and nothing follows the first error
/// (docs/design/decisions/001-diagnostics-speak-in-functions.md).
namespace enfilade::diagnose {

template <class...>
inline constexpr bool never = false;

/// Stands where a part on the left would stand, had there been one.
struct beginning;

template <class Before, class After>
struct layers_gap {
  static constexpr bool given() {
    static_assert(never<Before>,
                  "[E01 layers-gap] every layer must run exactly once, in order, but 'After' does "
                  "not begin where 'Before' ended. Fix: give After's First the value of Before's "
                  "Last. (docs/diagnostics.md#E01)");
    return true;
  }
};

template <class After>
struct layers_gap<beginning, After> {
  static constexpr bool given() {
    static_assert(never<After>,
                  "[E01 layers-gap] every layer must run exactly once, in order, but 'After', the "
                  "first part, does not begin at layer 0. Fix: give After's First the value 0. "
                  "(docs/diagnostics.md#E01)");
    return true;
  }
};

template <class Part>
struct relay_without_peer {
  static constexpr bool given() {
    static_assert(never<Part>,
                  "[E02 relay-without-peer] a Relay joins the stage on its left to the stage on "
                  "its right, and one of them is missing. Fix: put a Layers<...> on both sides of "
                  "it. (docs/diagnostics.md#E02)");
    return true;
  }
};

template <class Part>
struct lm_head_missing {
  static constexpr bool given() {
    static_assert(never<Part>,
                  "[E03 lm-head-missing] the pipeline stops at hidden states; nothing turns them "
                  "into logits. Fix: end it with LmHead. (docs/diagnostics.md#E03)");
    return true;
  }
};

template <class Model, class Part>
struct model_not_covered {
  static constexpr bool given() {
    static_assert(never<Part>,
                  "[E05 model-not-covered] the pipeline ends before the model does. Fix: make the "
                  "last Layers end at Model's layer count, or bind the model that you meant. "
                  "(docs/diagnostics.md#E05)");
    return true;
  }
};

template <class Before, class After>
struct layers_overlap {
  static constexpr bool given() {
    static_assert(
        never<Before>,
        "[E06 layers-overlap] a layer would run twice: 'After' begins before 'Before' ended. Fix: "
        "give After's First the value of Before's Last. (docs/diagnostics.md#E06)");
    return true;
  }
};

template <class Part>
struct embed_misplaced {
  static constexpr bool given() {
    static_assert(never<Part>,
                  "[E07 embed-misplaced] the first stage is given token ids, and only Embed<...> "
                  "turns them into hidden states. Fix: wrap the first part, and only the first, in "
                  "Embed<...>. (docs/diagnostics.md#E07)");
    return true;
  }
};

template <std::size_t First, std::size_t Last>
struct layers_empty {
  static constexpr bool given() {
    static_assert(
        First < Last,
        "[E08 layers-empty] Layers<First, Last> is the half-open run [First, Last), and this one "
        "is empty. Fix: make Last greater than First. (docs/diagnostics.md#E08)");
    return true;
  }
};

template <class Role>
struct policy_missing {
  static constexpr bool given() {
    static_assert(!std::same_as<Role, role::cipher>,
                  "[E09 policy-missing] nobody seals the links of this deployment: with<...> names "
                  "no cipher. Fix: add one, such as AesGcm. (docs/diagnostics.md#E09)");
    static_assert(!std::same_as<Role, role::attester>,
                  "[E09 policy-missing] nobody vouches for this deployment: with<...> names no "
                  "attester. Fix: add one; in a test, insecure::Mock. (docs/diagnostics.md#E09)");
    static_assert(!std::same_as<Role, role::compute>,
                  "[E09 policy-missing] nobody multiplies for this deployment: with<...> names no "
                  "compute. Fix: add one, such as CpuF32. (docs/diagnostics.md#E09)");
    return true;
  }
};

template <class First, class Second>
struct policy_twice {
  static constexpr bool given() {
    static_assert(
        never<First>,
        "[E10 policy-twice] two policies for one role. Fix: keep one. (docs/diagnostics.md#E10)");
    return true;
  }
};

template <class Policy>
struct insecure_in_release {
  static constexpr bool given() {
    static_assert(never<Policy>,
                  "[E11 insecure-in-release] a release build may not rely on a policy that "
                  "protects nothing. Fix: name a real one, or define ENFILADE_INSECURE if this "
                  "binary will never hold a secret. (docs/diagnostics.md#E11)");
    return true;
  }
};

template <class T>
struct not_a_part {
  static constexpr bool given() {
    static_assert(never<T>,
                  "[E12 not-a-part] this type is not a part of a pipeline. Fix: a transport goes "
                  "inside Relay<...>, a model inside ::of<...>, a policy inside ::with<...>; for a "
                  "part of your own, specialise facts_of. (docs/diagnostics.md#E12)");
    return true;
  }
};

template <class T>
struct not_a_policy {
  static constexpr bool given() {
    static_assert(
        never<T>,
        "[E13 not-a-policy] this type plays no role in a deployment. Fix: pass with<...> one "
        "cipher, one attester and one compute; in a policy of your own, write for example 'using "
        "policy_role = role::cipher;' and give it a name. (docs/diagnostics.md#E13)");
    return true;
  }
};

template <class T>
struct not_a_model {
  static constexpr bool given() {
    static_assert(never<T>,
                  "[E14 not-a-model] this type does not say what the concept 'model' asks. Fix: "
                  "bind a model such as Gpt2Small, or give yours every constant of "
                  "model/shape.hpp. (docs/diagnostics.md#E14)");
    return true;
  }
};

template <std::size_t Index, std::size_t Count>
struct no_such_stage {
  static constexpr bool given() {
    static_assert(Index < Count,
                  "[E15 no-such-stage] stages are counted from 0, one more than there are relays, "
                  "and 'Index' is not below that 'Count'. Fix: ask for a stage below Count. "
                  "(docs/diagnostics.md#E15)");
    return true;
  }
};

template <class Part>
struct body_misfit {
  static constexpr bool given() {
    static_assert(
        never<Part>,
        "[E16 body-misfit] this part wraps something that it cannot wrap. Fix: put one Layers<...> "
        "inside Embed<...>, and every other part behind it. (docs/diagnostics.md#E16)");
    return true;
  }
};

template <class Before, class After>
struct lm_head_misplaced {
  static constexpr bool given() {
    static_assert(
        never<Before>,
        "[E17 lm-head-misplaced] 'After' takes hidden states, but 'Before' has already turned them "
        "into logits. Fix: make LmHead the last part. (docs/diagnostics.md#E17)");
    return true;
  }
};

template <class... Parts>
struct pipeline_empty {
  static constexpr bool given() {
    static_assert(never<Parts...>,
                  "[E18 pipeline-empty] a pipeline of no parts computes nothing. Fix: begin with "
                  "Embed<Layers<0, n>> and end with LmHead. (docs/diagnostics.md#E18)");
    return true;
  }
};

template <class Model, class Part>
struct model_overrun {
  static constexpr bool given() {
    static_assert(never<Part>,
                  "[E19 model-overrun] the pipeline goes on after the model's last layer. Fix: "
                  "make the last Layers end at Model's layer count, or bind the model that you "
                  "meant. (docs/diagnostics.md#E19)");
    return true;
  }
};

template <class T>
struct name_not_plain {
  static constexpr bool given() {
    static_assert(never<T>,
                  "[E20 name-not-plain] the name of this type goes into the plan, on a line of its "
                  "own, and is empty or has a character outside of a-z, 0-9, '-', '_' and '.'. "
                  "Fix: give it a plain name. (docs/diagnostics.md#E20)");
    return true;
  }
};

template <class Stage>
struct part_not_computed {
  static constexpr bool given() {
    static_assert(
        Stage::foreign_parts == 0,
        "[E21 part-not-computed] this stage has a part from outside the library. It can be "
        "composed and planned, but the library's own programs would pass over it. Fix: "
        "run the stage with a program of your own. (docs/diagnostics.md#E21)");
    return true;
  }
};

template <class Cipher, std::size_t Size, bool Fits>
struct padding_misfit {
  static constexpr bool given() {
    static_assert(
        Fits,
        "[E22 padding-misfit] messages cannot be padded to multiples of this 'Size': it is not a "
        "multiple of 64 bytes up to max_record_body, or 'Cipher' pads already. Fix: name one such "
        "size once, as in Padded<AesGcm, 4096>. (docs/diagnostics.md#E22)");
    return true;
  }
};

template <class First, class Second>
struct alternatives_alike {
  static constexpr bool given() {
    static_assert(
        never<First, Second>,
        "[E23 alternatives-alike] two alternatives of AnyOf have one name or one format of "
        "evidence, and nobody could tell what they show apart. Fix: name each platform once, as in "
        "AnyOf<Nitro, SevSnp>; give an attester of your own a name and a format of its own. "
        "(docs/diagnostics.md#E23)");
    return true;
  }
};

}  // namespace enfilade::diagnose
