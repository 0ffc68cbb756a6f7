// Numbers of a tokenizer.json as the reference reads them. `tokenizers` parses JSON with serde_json
// in its fast mode, which may miss the nearest double by one unit in the last place. Sums of such
// scores decide between segmentations that are otherwise equally good, so the miss is repeated
// here.
#pragma once

namespace attune::text {

// What that parser makes of `value` written with its fewest digits: those digits as a whole number,
// rounded, then times or by a power of ten, rounded again. `value` is finite.
double as_reference_reads(double value);

}  // namespace attune::text
