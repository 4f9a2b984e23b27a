import assert from "node:assert/strict";
import { test } from "node:test";
import { Measures } from "../../static/js/measures.js";

const TIMING = { item_id: "user-1", transcribe_ms: 100, think_ms: 50, total_ms: 220 };

function measures() {
  const shown = [];
  return [new Measures({ setMeasured: (answer, figures) => shown.push([answer, figures]) }), shown];
}

test("times are added up at the answer", () => {
  const [told, shown] = measures();
  told.timed(TIMING, "ai-2");
  assert.deepEqual(shown, [["ai-2", { heard_ms: 100, thought_ms: 150, first_audio_ms: 220 }]]);
});

test("the time of saving is shown at the answer, whichever comes first", () => {
  for (const savedFirst of [true, false]) {
    const [told, shown] = measures();
    if (savedFirst) told.saved("user-1", 30);
    told.timed(TIMING, "ai-2");
    if (!savedFirst) told.saved("user-1", 30);
    assert.deepEqual(shown.at(-1), ["ai-2", { saved_ms: 30 }]);
  }
});

test("an opening answers nothing, and a time that is no number is passed over", () => {
  const [told, shown] = measures();
  told.timed({ ...TIMING, item_id: null }, "ai-1");
  told.saved("user-1", undefined);
  assert.deepEqual(shown, []);
});
